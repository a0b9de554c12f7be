"""A small grid of a pure-Python package, which tests of stage 1 run for real."""

from __future__ import annotations

import sys

HERE = f"cp{sys.version_info[0]}{sys.version_info[1]}"
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
