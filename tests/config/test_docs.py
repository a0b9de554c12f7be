"""docs/config.md and caliper.schema.json are made from the model, and fit what users write."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from calipertf.config.docs import PAGE, REPOSITORY, SCHEMA, make_page, make_schema

CONFIGS = [REPOSITORY / "caliper.yaml", *sorted((REPOSITORY / "grids").glob("*.yaml"))]
ANALYSIS = {"dependency": "six", "tests": ["a.py"]}


def test_page_and_schema_are_up_to_date() -> None:
    """Else: python -m calipertf.config.docs."""
    text = PAGE.read_text(encoding="utf-8")
    assert make_page(text) == text
    assert SCHEMA.read_text(encoding="utf-8") == make_schema()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_schema_takes_the_configurations_of_this_repository(path: Path) -> None:
    data = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))
    validator = jsonschema.Draft202012Validator(json.loads(make_schema()))
    assert [error.message for error in validator.iter_errors(data)] == []


@pytest.mark.parametrize(
    ("analysis", "sound"),
    [
        ({}, True),
        ({"versions": "1.15.5", "python_versions": [3.7, "cp38"]}, True),
        ({"memory": "4GB", "jobs": None, "start": "cold"}, True),
        ({"baselines": {"s": {"version": 2.4, "python": "cp38"}}}, True),
        ({"verions": ["1.0"]}, False),
        ({"jobs": 0}, False),
        ({"tolerance": 1}, False),
        ({"start": "hot"}, False),
        ({"network": "perhaps"}, False),
        ({"baselines": {"s": {"version": "1.0"}}}, False),
    ],
)
def test_schema_tells_right_from_wrong(analysis: dict[str, object], *, sound: bool) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(make_schema()))
    assert validator.is_valid({"analysis": {**ANALYSIS, **analysis}}) is sound
