"""What of an earlier run counts on, where scripts were edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from helpers.full_records import RECORD

from calipertf.formats.records import Run
from calipertf.run.kept import find_kept

BEFORE = {"s/a.py": "1", "s/b.py": "1"}


@pytest.mark.parametrize(
    ("scripts", "changes", "kept"),
    [
        ({"s/a.py": "1", "s/b.py": "2"}, ["s/b.py"], {"s/a.py"}),
        ({"s/a.py": "2", "s/b.py": "1"}, ["s/a.py"], None),  # b's failure was confirmed by a
        ({"s/a.py": "1", "s/b.py": "1", "s/c.py": "1"}, ["s/c.py (new)"], {"s/a.py", "s/b.py"}),
        ({"s/a.py": "1", "s/b.py": "2"}, ["s/b.py", "pip"], None),
    ],
)
def test_runs_of_unchanged_scripts_are_kept(
    scripts: Mapping[str, str], changes: Sequence[str], kept: set[str] | None
) -> None:
    runs = {"s/a.py": Run(retval=0), "s/b.py": Run(retval=1, confirmed_by="s/a.py")}
    old = replace(RECORD, runs=runs, inputs={"fingerprint": {"scripts": BEFORE}})
    found = find_kept(old, {"scripts": scripts}, changes)
    assert (None if found is None else found.scripts) == kept
