"""Values that caliper.yaml and a flag take: apart from the model, which is slow to import."""

from __future__ import annotations

from typing import Literal

#: Where cells are built. `auto` takes the first backend that works here; the others are the keys
#: of calipertf.run.backends.registry.BACKENDS.
EnvironmentKind = Literal["auto", "docker", "venv"]
