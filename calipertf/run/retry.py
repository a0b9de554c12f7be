"""How often a cell is tried again where the failure is not the package's: the only place.

How often an index is asked again is in calipertf/index/http.py.
"""

from __future__ import annotations

#: Tries at a cell on one machine, with random back-off up to a minute.
MAX_ATTEMPTS = 3
#: Workers of a cluster that may turn out not to have a cell's Python.
MAX_REJECTIONS = 3
#: Times that a cell runs again after its worker was lost, as Dask has it by default.
MAX_WORKER_LOSSES = 3
#: Workers that may fail at a cell (disk, network, index) before it is given up.
MAX_WORKER_FAILURES = 2
#: Failures in a row after which a worker gets cells only where no other one can take them.
FAILURE_STREAK = 3
