"""The columns of every table that stage 3 writes, from columns.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

_INTRODUCTION = """\
# Tables

`3.parse_data.py` writes each table to `.caliper/compiled/` as CSV and Parquet, its rows in the
order of packages, versions, Pythons and resolve dates. An empty field: there is nothing to say.
This page is made by `python -m calipertf.parse.columns > docs/tables.md`.

`test-results-by-python.json` lies beside them, in the shape that the original tool's page reads:
`{"37": [{"x_name": script, "y_module": version, "retval": ..., "output": [...], "error": [...]}]}`,
-1 for a script that was not run.
"""


@dataclass(frozen=True, kw_only=True)
class TableFormat:
    """One table."""

    #: What one row is.
    row: str
    #: Column -> (type, meaning); the type is text, whole, number or flag.
    columns: Mapping[str, tuple[str, str]]


def _load_tables() -> dict[str, TableFormat]:
    text = Path(__file__).with_name("columns.yaml").read_text(encoding="utf-8")
    return {
        name: TableFormat(
            row=table["row"],
            columns={key: (kind, meaning) for key, (kind, meaning) in table["columns"].items()},
        )
        for name, table in yaml.safe_load(text).items()
    }


TABLES: Mapping[str, TableFormat] = _load_tables()


def write_tables_page() -> str:
    """Return docs/tables.md."""
    lines = [_INTRODUCTION.rstrip("\n")]
    for name, table in TABLES.items():
        lines += ["", f"## {name}", "", f"A row is {table.row}.", ""]
        lines += ["| column | type | meaning |", "| --- | --- | --- |"]
        lines += [f"| `{key}` | {kind} | {text} |" for key, (kind, text) in table.columns.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(write_tables_page(), end="")
