from __future__ import annotations

import json

from calipertf.run.cell import read_run


def test_half_a_character_stands_as_its_escape() -> None:
    # Python 2.7 reads the bytes ED A0 80 as one.
    line = '{"output": "a \\ud800\\n", "error": "", "retval": 0, "ended": "exit", "cut": 0}'
    assert read_run(json.loads(line)).output == ("a \\ud800\n",)
