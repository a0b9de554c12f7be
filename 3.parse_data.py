#!/usr/bin/env python3
"""Stage 3: records and similarities as tables, figures and a page. Not built yet.

Will read .caliper/data and .caliper/sims, and write .caliper/compiled, plots and report.html.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from calipertf import cli
from calipertf.errors import CaliperError


def refuse(_arguments: object) -> int:
    """Raises CaliperError that says where the results are meanwhile."""
    raise CaliperError(
        "stage 3 is not built yet; the records under .caliper/data and the similarities under "
        ".caliper/sims can be read as they are, docs/formats.md describes them"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of stage 3: 2."""
    parser = cli.make_parser("Not built yet.", example="python 3.parse_data.py")
    return cli.run_main(parser, refuse, argv)


if __name__ == "__main__":
    sys.exit(main())
