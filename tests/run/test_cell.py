from __future__ import annotations

import json
from dataclasses import replace

import pytest
from helpers.tasks import TASK

from calipertf.formats.records import Run
from calipertf.run.backends.base import Built
from calipertf.run.cell import choose_scripts, read_run
from calipertf.run.kept import Kept


def test_half_a_character_stands_as_its_escape() -> None:
    # Python 2.7 reads the bytes ED A0 80 as one.
    line = '{"output": "a \\ud800\\n", "error": "", "retval": 0, "ended": "exit", "cut": 0}'
    assert read_run(json.loads(line)).output == ("a \\ud800\n",)


FACTS = {"kind": "venv", "interpreter": "3.7.17", "platform": "linux_x86_64", "base_image": None}


@pytest.mark.parametrize(
    ("requirements", "facts", "scripts"),
    [
        (("a==1\n",), {}, ("s/new.py",)),
        (("a==2\n",), {}, ("s/a.py", "s/new.py")),
        (("a==1\n", "b==1\n"), {}, ("s/a.py", "s/new.py")),
        (("a==1\n",), {"interpreter": "3.7.16"}, ("s/a.py", "s/new.py")),
        (("a==1\n",), {"kind": "docker"}, ("s/a.py", "s/new.py")),
        (("a==1\n",), {"base_image": "sha256:1"}, ("s/a.py", "s/new.py")),
    ],
)
def test_runs_are_kept_in_the_very_same_environment_alone(
    requirements: tuple[str, ...], facts: dict[str, str], scripts: tuple[str, ...]
) -> None:
    kept = Kept(requirements=("a==1\n",), environment=FACTS, scripts=frozenset({"s/a.py"}))
    task = replace(TASK, scripts=("s/a.py", "s/new.py"), kept=kept)
    built = Built(run=Run(retval=0), requirements=requirements, facts={**FACTS, **facts})
    assert choose_scripts(task, built) == scripts
    assert choose_scripts(replace(task, kept=None), built) == ("s/a.py", "s/new.py")
