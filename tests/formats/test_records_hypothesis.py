"""Whatever stands in a record, each stage reads it whole or leaves it out with a RecordError."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from helpers.full_records import CELL, FINGERPRINT, GOOD, ORIGINAL, RECORD, nest
from helpers.grids import make_sims
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calipertf.assess.cells import score_cells
from calipertf.errors import RecordError
from calipertf.formats.record_files import read_record
from calipertf.formats.records import Record
from calipertf.parse.analysis import Analysis, analyse
from calipertf.parse.legacy import make_results_by_python
from calipertf.parse.load import Inputs, read_inputs
from calipertf.parse.page.cells import Strings, pack_cells
from calipertf.parse.requirements import parse_requirements
from calipertf.parse.results import find_axes, make_results
from calipertf.parse.tables import list_results
from calipertf.paths import Layout, read_records
from calipertf.run.judge import judge_record
from calipertf.run.main import find_changes
from calipertf.run.store import Store
from calipertf.run.summary import count_scripts, explain_failures

MANY = settings(
    max_examples=5000,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
ODD: list[Any] = [
    *(None, True, False, 0, 1, -1, 3, 10**40, -(10**40), 1e999, float("nan"), 0.5),
    *("", "0", "x", "\ud800", "a/b", "../x", "\0", "cp00", "zzz", "x" * 3000, "no_release"),
    *([], {}, [1], [None], [[]], {"a": 1}, {"a": None}, {"type": None, "message": None}),
    *({"retval": "0"}, {"outcome": "frog"}, {"again": {"again": {"again": {}}}}),
]


def list_places(data: Any) -> list[tuple[Any, Any]]:
    """Each container in JSON data with each of its keys."""
    keys: Any = data if isinstance(data, dict) else range(len(data))
    found = [(data, key) for key in keys]
    for key in keys:
        if isinstance(data[key], dict | list):
            found += list_places(data[key])
    return found


@st.composite
def write_record(draw: st.DrawFn) -> bytes:
    """A good record, ours or the original's, with a few values changed, or cut off."""
    data = copy.deepcopy(draw(st.sampled_from([RECORD.to_json(), ORIGINAL])))
    for _ in range(draw(st.integers(0, 3))):
        places = list_places(data)
        if not places:
            break
        where, key = places[draw(st.integers(0, len(places) - 1))]
        action = draw(st.sampled_from(["odd", "odd", "odd", "drop", "nest", "any", "key"]))
        if action == "drop":
            del where[key]
        elif action == "nest":
            where[key] = nest(where[key], draw(st.sampled_from([1, 2, 60, 400])))
        elif action == "key" and isinstance(where, dict):
            where[draw(st.text(max_size=5))] = where.pop(key)
        else:
            where[key] = copy.deepcopy(draw(st.sampled_from(ODD) if action == "odd" else ANY))
    content = json.dumps(data).encode()
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(st.binary(max_size=3))
    return content


WORDS = st.text(max_size=5)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A good record beside the one that is tried."""
    layout = Layout(root=tmp_path_factory.mktemp("records"))
    layout.data.mkdir()
    good = replace(RECORD, cell=GOOD, inputs={**RECORD.inputs, "name": GOOD.name})
    (layout.data / f"{GOOD.name}.json").write_text(json.dumps(good.to_json()))
    return layout


def use(records: list[Record]) -> None:
    """What the three stages do with records, apart from figures and predictions."""
    homes = {"s": records[-1]}
    for record in records:
        judged = judge_record(record, {"s/a.py": "s"}, homes, 1e-3)
        assert json.loads(json.dumps(judged.to_json(), allow_nan=False))
        find_changes(record, FINGERPRINT, ["s/a.py"])
        count_scripts(judged)
        parse_requirements(record.requirements)
    explain_failures(records)
    score_cells("six", records)
    results = make_results(records)
    axes = find_axes(results)
    list(list_results(results, [(None, None)] * len(results)))
    make_results_by_python(records)
    inputs = Inputs(records=records, sims=make_sims(), changes=[], notes=[])
    nothing: dict[Any, Any] = {}
    whole = Analysis(
        inputs=inputs, results=results, axes=axes, requirements=nothing, explained=(),
        tables=nothing, sentences=()
    )  # fmt: skip
    pack_cells(whole, Strings())


def test_any_record_is_read_or_left_out(layout: Layout) -> None:
    path = layout.data / f"{CELL.name}.json"
    found = []

    @MANY
    @given(write_record())
    def try_record(content: bytes) -> None:
        path.write_bytes(content)
        records, errors = read_records(layout)
        assert len(records) + len(errors) == 2
        assert records[-1].cell == GOOD
        assert all(str(path) in str(error) for error in errors)
        found.append(len(records) == 2)
        use(records)

    try_record()
    assert 500 < sum(found) < len(found) - 500, "both answers were asked for"


@settings(MANY, max_examples=60)
@given(content=write_record())
def test_stage_3_goes_from_any_record_to_its_tables(layout: Layout, content: bytes) -> None:
    (layout.data / f"{CELL.name}.json").write_bytes(content)
    assert len(analyse(read_inputs(layout)).results) >= 1


@settings(MANY, max_examples=200)
@given(content=write_record())
def test_stage_1_loads_any_record_or_sets_it_aside(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    layout = Layout(root=tmp_path_factory.mktemp("store"))
    layout.data.mkdir()
    path = layout.data / f"{CELL.name}.json"
    path.write_bytes(content)
    store = Store(layout=layout, dated=False, tolerance=1e-3, suites={}, baselines={})
    store.load([CELL])
    store.judge_all()
    # It stays where it is, perhaps as that of another date, or lies beside its place.
    assert path.exists() or CELL not in store.records
    assert len(list(layout.data.iterdir())) == 1, "nothing is lost"


@settings(MANY, max_examples=1000)
@given(content=st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode()))
def test_any_bytes_are_no_record(layout: Layout, content: bytes) -> None:
    path = layout.data / f"{CELL.name}.json"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=path.name):
        read_record(path)
