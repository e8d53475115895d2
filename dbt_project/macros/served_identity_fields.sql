{#- What makes two models of one variant two models: a change of any of these opens a phase (ADR 0021). -#}
{% macro served_identity_fields() -%}
    {{ return(["model_version", "served_model", "model_digest", "prompt_hash", "decoding"]) }}
{%- endmacro %}
