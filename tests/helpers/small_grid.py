"""A small grid of a pure-Python package, which tests of stage 1 run for real."""

from __future__ import annotations

import sys
from pathlib import Path

from calipertf.run.backends.venv.bundled import find_bundled

HERE = f"cp{sys.version_info[0]}{sys.version_info[1]}"
#: The line of requirements for what `python -m venv` brings, which this Python may or may not.
_BUNDLED = find_bundled(Path(sys.executable), HERE)
SETUPTOOLS = (f"{_BUNDLED.requirement}\n",) if _BUNDLED else ()
GRID = f"""\
dependency: six
environment: venv
versions: [1.10.0, 1.16.0]
python_versions: [{HERE}]
resolve: [today]
timeout: 20
tests: [suite]
baselines:
  suite: {{version: 1.16.0, python: {HERE}, resolve: today}}
"""
SCRIPTS = {
    "suite/same.py": "import six\nprint('text:', six.text_type.__name__)\n",
    "suite/version.py": "import six\nprint('version:', six.__version__)\n",
    "suite/missing.py": "import six\nprint('value:', six.ensure_str('x'))\n",
    "suite/broken.py": "raise RuntimeError('at home, too')\n",
    "suite/chance.py": "import os\nprint('bytes:', os.urandom(4).hex() + 'x')\n",
}
OLD = f"pypi-six-1.10.0-python-{HERE}"
NEW = f"pypi-six-1.16.0-python-{HERE}"
