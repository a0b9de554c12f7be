"""The packages that a failure points at: what its message names, and whose code raised it."""

from __future__ import annotations

import re

from packaging.utils import canonicalize_name

from calipertf.parse.results import Result

#: Import name -> distribution, where they differ and old packages use them.
_DISTRIBUTIONS = {
    "absl": "absl-py",
    "attr": "attrs",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "pil": "pillow",
    "pkg-resources": "setuptools",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
_FOLDER = re.compile(r"(?:site|dist)-packages[\\/]([\w.]+)(?:[\\/]([\w.]+))?")
_SPOKEN = re.compile(
    r"(?:No module named|cannot import name '?\w+'? from|[Mm]odule) '?([\w.]+)'?"
    r"|\b(numpy|protobuf)\b"
)


def list_suspects(result: Result) -> list[str]:
    """Names of packages that the last words of a script point at, the likeliest first.

    What the message names comes first, then whose code raised it; further out, each package only
    called the next.
    """
    message = result.verdict.exception.message if result.verdict.exception else ""
    names = [_name_distribution(*match.groups("")) for match in _SPOKEN.finditer(message)]
    for line in reversed(result.run.error if result.run else ()):
        if match := _FOLDER.search(line):
            name = _name_distribution(f"{match[1]}.{match[2] or ''}", "")
            names.append(name)
            if name != canonicalize_name(result.cell.package):
                break
    return list(dict.fromkeys(name for name in names if name))


def _name_distribution(path: str, named: str) -> str:
    """The package that a module belongs to; those in the root google go by its folders."""
    parts = path.removesuffix(".py").split(".") if path else [named]
    if parts[0] == "google" and len(parts) > 1 and parts[1]:
        return "protobuf" if parts[1] == "protobuf" else f"google-{canonicalize_name(parts[1])}"
    name = canonicalize_name(parts[0])
    return _DISTRIBUTIONS.get(name, name)
