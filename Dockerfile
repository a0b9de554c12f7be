# One cell: TensorFlow (or another package) on one Python. Rendered by Jinja2, see docs/docker.md.
FROM {{ base }}
ENV LANG=C.UTF-8
{% if pins -%}
# Everything that the cell was judged with, and nothing else.
RUN python -m pip install --no-cache-dir --no-deps {% if index_url %}--index-url {{ index_url }} {% endif -%}
    {% for pin in pins %}"{{ pin }}" {% endfor %}
{% else -%}
RUN python -m pip install --no-cache-dir {% if index_url %}--index-url {{ index_url }} {% endif -%}
    "{{ package }}=={{ version }}"{% for requirement in requirements %} "{{ requirement }}"{% endfor %}
{% endif -%}

