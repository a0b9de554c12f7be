"""The setuptools that `python -m venv` of an interpreter brings: until 3.11, in its ensurepip."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from calipertf.run.processes import clean_environ
from calipertf.versions import python_key

#: Prints the path of the wheel, else the version, else nothing. Runs in that interpreter.
PROBE = """
import os, re, sys
def find_setuptools():
    if sys.version_info >= (3, 12):
        return ""
    try:
        import ensurepip
    except ImportError:
        return ""
    own = os.path.join(os.path.dirname(os.path.abspath(ensurepip.__file__)), "_bundled")
    for folder in (getattr(ensurepip, "_WHEEL_PKG_DIR", None), own):
        if folder and os.path.isdir(folder):
            for name in sorted(os.listdir(folder)):
                if re.match("setuptools-[^-]+-.*[.]whl$", name):
                    return os.path.join(folder, name)
    return getattr(ensurepip, "_SETUPTOOLS_VERSION", "")
"""
#: For interpreters without ensurepip, as Linux distributions split them: what the last releases of
#: each Python brought (3.9 to 3.11 brought 79.0.1 in the very last, for a security fix).
_LAST = {
    (3, 6): "40.6.2",
    (3, 7): "47.1.0",
    (3, 8): "56.0.0",
    (3, 9): "58.1.0",
    (3, 10): "65.5.0",
    (3, 11): "65.5.0",
}


@dataclass(frozen=True, kw_only=True)
class Bundled:
    """A setuptools and where it is installed from."""

    version: str
    #: None where the interpreter has no file of it, and the index has.
    wheel: Path | None

    @property
    def requirement(self) -> str:
        """Return the version pinned, as installers take it."""
        return f"setuptools=={self.version}"

    @property
    def constraint(self) -> str:
        """Return the same as a constraint for a resolver, which may use a file that the index lacks."""
        return f"setuptools @ {self.wheel.as_uri()}" if self.wheel else self.requirement

    @property
    def source(self) -> list[str]:
        """Return the flags of installers that name its folder; none where the index has it."""
        return ["--no-index", "--find-links", str(self.wheel.parent)] if self.wheel else []


def find_bundled(python: Path, tag: str) -> Bundled | None:
    """The setuptools of an interpreter (or of an environment's), None where it brings none."""
    if not (3, 6) <= python_key(tag) < (3, 12):
        return None
    done = subprocess.run(
        [python, "-c", f"{PROBE}\nprint(find_setuptools())"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=clean_environ(),
    )
    found = done.stdout.strip()
    if found.endswith(".whl"):
        return Bundled(version=Path(found).name.split("-")[1], wheel=Path(found))
    return Bundled(version=found or _LAST[python_key(tag)], wheel=None)


def render_step() -> str:
    """Return the step of a Dockerfile that gives its Python the setuptools that `venv` would bring.

    Nothing where it is there already, or where the image has no such file.
    """
    code = f"""{PROBE}
import subprocess
path = find_setuptools()
if path.endswith(".whl"):
    version = os.path.basename(path).split("-")[1]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    there = subprocess.check_output(pip + ["freeze", "--all"]).decode().split()
    if "setuptools==" + version not in there:
        pip += ["install", "--quiet", "--no-cache-dir", "--no-deps", "--no-index", "--find-links"]
        subprocess.check_call(pip + [os.path.dirname(path), "setuptools==" + version])
"""
    return f"RUN {json.dumps(['python', '-c', code])}"
