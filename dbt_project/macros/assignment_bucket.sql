{#- The bucket of a unit, 0 to 9999, as PACER's servers work it out: the first 32 bits of SHA-256 of salt:unit, modulo
    10,000. Both arguments are SQL expressions of text; null stays null. -#}
{% macro assignment_bucket(unit, salt) -%}
    {{ return(adapter.dispatch("assignment_bucket", "pacer")(unit, salt)) }}
{%- endmacro %}

{% macro duckdb__assignment_bucket(unit, salt) -%}
cast(cast('0x' || left(sha256(({{ salt }}) || ':' || ({{ unit }})), 8) as ubigint) % 10000 as integer)
{%- endmacro %}
