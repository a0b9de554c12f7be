"""docs/config.md's table of settings and caliper.schema.json, made from the model.

`python -m calipertf.config.docs` writes both into the checkout that this module lies in.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from calipertf.config.model import AFFECTS, Analysis

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs/config.md"
SCHEMA = REPOSITORY / "caliper.schema.json"
#: The generated part of the page stands between these.
BEGIN = "<!-- made by `python -m calipertf.config.docs` -->"
END = "<!-- end of what is made -->"


def make_table() -> str:
    """Return the table of settings, as Markdown."""
    lines = ["| key | meaning | default | a change affects |", "| --- | --- | --- | --- |"]
    for name, field in Analysis.model_fields.items():
        extra: Any = field.json_schema_extra
        default = "required" if field.is_required() else extra["words"] or _spell(field.default)
        meaning = (field.description or "").replace("|", "\\|")
        lines.append(f"| `{name}` | {meaning} | {default} | {AFFECTS[extra['affects']]} |")
    return "\n".join(lines)


def _spell(value: object) -> str:
    """Return a default as caliper.yaml has it."""
    if isinstance(value, list):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def make_page(text: str) -> str:
    """Return the page with its table made anew; all else stays."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{make_table()}\n{END}{after}"


def make_schema() -> str:
    """Return the JSON schema of caliper.yaml, for editors."""
    analysis = Analysis.model_json_schema()
    definitions = analysis.pop("$defs", {})
    for name, item in analysis["properties"].items():
        for key in ("affects", "words", "title"):
            item.pop(key, None)
        # `key:` with nothing behind it means the default.
        required = name in analysis["required"]
        if "type" in item and not required:
            kinds = item["type"] if isinstance(item["type"], list) else [item["type"]]
            item["type"] = [*kinds, "null"]
            item.update({"enum": [*item["enum"], None]} if "enum" in item else {})
        elif "anyOf" in item and {"type": "null"} not in item["anyOf"] and not required:
            item["anyOf"].append({"type": "null"})
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "caliper.yaml of Caliper TensorFlow",
        "type": "object",
        "additionalProperties": False,
        "required": ["analysis"],
        "properties": {"analysis": analysis},
        "$defs": definitions,
    }
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Write both files."""
    PAGE.write_text(make_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    SCHEMA.write_text(make_schema(), encoding="utf-8")


if __name__ == "__main__":
    main()
