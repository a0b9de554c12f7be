"""What stage 3 says of the parts of stage 2's results that are empty."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.grids import make_record

from calipertf.assess.api.model import Source
from calipertf.assess.api.pool import Extraction, describe_bytes
from calipertf.formats.record_files import write_record
from calipertf.formats.records import Verdict
from calipertf.parse.analysis import analyse
from calipertf.parse.load import read_inputs
from calipertf.paths import Layout


def make_folder(root: Path, *resolves: str) -> Layout:
    layout = Layout(root=root)
    for resolve in resolves:
        failed = resolve == "today"
        outcome = "run_failed" if failed else "same_result"
        record = make_record(
            "1.0",
            {"s/a.py": Verdict(outcome=outcome, reason="api_changed" if failed else None)},
            resolve=resolve,
            requirements=("p==1.0", "dep==2.0" if failed else "dep==1.0"),
            outcome=outcome,
        )
        write_record(layout.data / resolve / f"{record.cell.name}.json", record)
    return layout


def test_stage_2_is_not_asked_for_again_where_it_has_run(tmp_path: Path) -> None:
    layout = make_folder(tmp_path, "today")
    before = [str(note) for note in read_inputs(layout).notes]
    layout.sims.mkdir()
    (layout.sims / "pypi-p-sources.json").write_text("{}")
    after = [str(note) for note in read_inputs(layout).notes]
    assert len(before) == len(after) == 5
    assert all("made by: python 2.assess_change.py" in note for note in before)
    assert not any("made by" in note for note in after)
    assert after[-1] == (
        "stage 2 saw no change of the API, for there is one version, or all are the same: "
        "no failure has such a change as its cause"
    )
    assert "no similarity matrices, no predictions from the API: it needs two versions" in after[0]


def test_reason_of_a_result_agrees_with_its_cause(tmp_path: Path) -> None:
    analysis = analyse(read_inputs(make_folder(tmp_path, "release", "today")))
    table = analysis.tables["results"].set_index("resolve")
    assert table["reason"]["today"] == "dependency"
    assert table["cause_kind"]["today"] == "requirements"
    assert table["cause"]["today"].startswith("dep is 2.0 here and 1.0 where it works")


@pytest.mark.parametrize(
    ("read", "total", "words"),
    [
        (1_350_000, 1_300_000, "1.3 of 1.3 MB read (100.0%)"),
        (7_000_000, 500_000_000, "7.0 of 500.0 MB read (1.4%)"),
        (500_000, 600_000, "500 of 600 kB read"),
    ],
)
def test_bytes_in_words(read: int, total: int, words: str) -> None:
    source = Source(kind="wheel", filename="p.whl", url="", bytes_read=read, bytes_total=total)
    done = Extraction(package="p", version="1", sources=(source,))
    assert describe_bytes([done]) == words
