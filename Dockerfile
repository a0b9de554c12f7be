# One cell: TensorFlow (or another package) on one Python. Rendered by Jinja2, see docs/docker.md.
FROM {{ base }}
{% for name, value in labels.items() -%}
LABEL {{ name }}="{{ value }}"
{% endfor -%}
ENV LANG=C.UTF-8
RUN python -m pip install --no-cache-dir{% if index_url %} --index-url {{ index_url }} --trusted-host {{ index_url.split("/")[2].split(":")[0] }}{% endif %} "{{ package }}=={{ version }}"{% for requirement in requirements %} "{{ requirement }}"{% endfor %}

