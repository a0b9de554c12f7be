"""What tests share: servers, grids, records, and where things lie."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
#: Files that tests read.
DATA = REPOSITORY / "tests" / "data"
