from __future__ import annotations

import importlib
from typing import get_args

import pytest

from calipertf.config.choices import EnvironmentKind
from calipertf.run.backends.registry import BACKENDS


def test_each_kind_of_caliper_yaml_has_a_backend() -> None:
    assert {"auto", *BACKENDS} == set(get_args(EnvironmentKind))


@pytest.mark.parametrize("kind", BACKENDS)
def test_each_backend_can_be_opened(kind: str) -> None:
    assert callable(importlib.import_module(BACKENDS[kind]).open_backend)
