{#- Real views over the landed Parquet, one per declared source table. Real, because column lineage cannot
    look through an external location. Each table has a zero-row _schema.parquet: the glob always matches. -#}
{% macro create_landing_views() %}
    {%- if execute -%}
        {%- for table in graph.sources.values() | sort(attribute="name") %}
            {%- if loop.first %}
create schema if not exists {{ table.schema }};
            {%- endif %}
create or replace view {{ table.schema }}.{{ table.name }} as
select * from {{ landed_files(table.name) }};
        {%- endfor %}
    {%- endif -%}
{% endmacro %}

{% macro landed_files(table) -%}
    {{ return(adapter.dispatch("landed_files", "pacer")(table)) }}
{%- endmacro %}

{% macro duckdb__landed_files(table) -%}
    {%- set glob = env_var("PACER_LANDING") ~ "/" ~ table ~ "/**/*.parquet" -%}
read_parquet('{{ glob | replace("'", "''") }}', hive_partitioning = false, union_by_name = true)
{%- endmacro %}
