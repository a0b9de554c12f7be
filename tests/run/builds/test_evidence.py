from __future__ import annotations

from collections.abc import Mapping

import pytest
from helpers.fault_index import Fault, serve_faults

from calipertf.formats.records import Cell, Record, Run
from calipertf.index.client import Index
from calipertf.run.builds.evidence import KEY, Memory, collect_evidence, find_named

CELL = Cell(package="reldemo", version="1.0", python="cp313")


def make_failed(index: Mapping[str, str] | None) -> Record:
    inputs = {} if index is None else {KEY: index}
    return Record(cell=CELL, outcome="build_failed", inputs=inputs)


@pytest.mark.parametrize(
    ("text", "among", "expected"),
    [
        ("Because Foo_Bar<1 and spam==2", ["foo-bar", "spam", "eggs"], {"demo", "foo-bar", "spam"}),
        # Where none of what was asked for is named, any of it may have been the reason.
        ("it failed", ["spam", "eggs"], {"demo", "spam", "eggs"}),
        ("demo==1 and nothing else", ["demo"], {"demo"}),
        ("there is a new pip", ["demo", "pip", "spam"], {"demo", "spam"}),
        ("Failed to build `numpy==1.15.0`", None, {"demo", "numpy"}),
    ],
)
def test_projects_that_a_failed_build_depends_on_are_those_named(
    text: str, among: list[str] | None, expected: set[str]
) -> None:
    assert find_named(Run(output=(text,), retval=1), ["demo"], among) == expected


def test_record_is_believed_until_the_index_changes() -> None:
    with serve_faults() as server, Index(server.url) as index:
        seen = collect_evidence(index, ["reldemo", "nowhere"], None, "cp313")
        assert seen.keys() == {"reldemo", "nowhere"}
        assert Memory(index).find_change(make_failed(seen), None) is None
        changed = {**seen, "reldemo": "0" * 64}
        assert Memory(index).find_change(make_failed(changed), None) == (
            "what the index has of reldemo"
        )
        found = Record(cell=CELL, outcome="run_failed")
        assert Memory(index).find_change(found, None) is None


@pytest.mark.parametrize("known", [None, {}])
def test_failure_that_nothing_confirms_is_tried_again(known: dict[str, str] | None) -> None:
    with serve_faults() as server, Index(server.url) as index:
        assert "never confirmed" in str(Memory(index).find_change(make_failed(known), None))


def test_index_that_cannot_be_asked_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALIPER_HTTP_RETRIES", "0")
    with serve_faults() as server, Index(server.url) as index:
        server.faults.append(Fault(who="all", target="page", kind="500"))
        assert Memory(index).find_change(make_failed({"reldep": "0" * 64}), None) is None
