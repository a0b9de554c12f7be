"""The programs that run inside a cell."""

from pathlib import Path

#: Runs the scripts of a cell, on its own Python: one file for Python 2.7 to 3.13+.
SCRIPT_RUNNER = Path(__file__).with_name("script_runner.py")
#: Runs one file of pytest tests inside pytest, on a cell's own Python.
PYTEST_RUNNER = Path(__file__).with_name("pytest_runner.py")
