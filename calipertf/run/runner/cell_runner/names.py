"""The module to import of a distribution, from the files that it installed."""

from __future__ import print_function

import os
import sys

from .text import as_native


def find_import_name(distribution):
    """Return the name that a distribution is imported by: the module most like its own name.

    A dotted one where its top folder is shared with other distributions (google.cloud.storage).
    """
    wanted = fold_name(distribution)
    names = list_modules(distribution)
    for name in names:
        if fold_name(name) == wanted:
            return name
    # Some wheels hold more than what they are named for.
    own = [name for name in names if name.split(".")[0] not in ASIDE] or names
    tops = [name for name in own if "." not in name or not holds_parent(own, name)]
    related = [name for name in tops if fold_name(name.split(".")[-1]) in wanted]
    found = sorted(related or tops, key=lambda name: (name.count("."), name))
    return found[0] if found else distribution.replace("-", "_").replace(".", "_")


def list_roots(distribution):
    """Return the modules of a distribution that lie in none of its others; the first 50."""
    names = list_modules(distribution) if distribution else []
    roots = [name for name in names if not holds_parent(names, name)]
    return [name for name in roots if name.split(".")[0] not in ASIDE][:50]


ASIDE = (
    "benchmark",
    "benchmarks",
    "doc",
    "docs",
    "example",
    "examples",
    "scripts",
    "test",
    "testing",
    "tests",
    "tools",
)


def fold_name(name):
    return name.lower().replace("-", "").replace("_", "").replace(".", "")


def holds_parent(names, name):
    parts = name.split(".")
    return any(".".join(parts[:end]) in names for end in range(1, len(parts)))


def list_modules(distribution):
    """Names of the packages and modules that a distribution installed, in the order of their names.

    Read from its metadata's list of files, the same in every Python; folders without an
    __init__.py, and those that it calls namespaces, are left out.
    """
    folder = find_metadata(distribution)
    if folder is None:
        return []
    files = list_installed(folder)
    namespaces = read_lines(os.path.join(folder, "namespace_packages.txt"))
    found = set(find_modules(files)) - set(namespaces)
    if not found:
        paths = [os.path.splitext(path)[0] for path in files if path.endswith(".py")]
        found = set(path.replace("/", ".") for path in paths)
    if not found:
        found = set(read_lines(os.path.join(folder, "top_level.txt")))
    names = [name for name in found if all(is_public(part) for part in name.split("."))]
    return sorted(names)


def find_modules(files):
    for path in files:
        folder, _, name = path.rpartition("/")
        stem, _, ending = name.partition(".")
        if ending != "py" and not ending.endswith((".so", ".pyd")) and ending not in ("so", "pyd"):
            continue
        if stem == "__init__":
            yield folder.replace("/", ".")
        elif not folder:
            yield stem


def is_public(word):
    """Return whether a name can be imported and is meant to be."""
    plain = word.replace("_", "a")
    return plain.isalnum() and not word[0].isdigit() and not word.startswith("_")


def list_installed(folder):
    """Return paths of a distribution's files, relative to the folder that it is installed in."""
    files = [line.rsplit(",", 2)[0].strip('"') for line in read_lines(folder + "/RECORD")]
    if not files:
        # What setuptools itself installed; its paths begin in the metadata's own folder.
        lines = read_lines(folder + "/installed-files.txt")
        files = [line[3:] for line in lines if line.startswith("../")]
    return [path.replace("\\", "/") for path in files if not path.startswith((".", "/"))]


def find_metadata(distribution):
    """Return the folder with a distribution's metadata: X-1.0.dist-info or X-1.0-py3.7.egg-info."""
    wanted = fold_name(distribution)
    for path in sys.path:
        try:
            entries = sorted(os.listdir(path or "."))
        except (IOError, OSError):
            continue
        for entry in entries:
            stem, ending = os.path.splitext(entry)
            whole = os.path.join(path or ".", entry)
            is_metadata = ending in (".dist-info", ".egg-info") and os.path.isdir(whole)
            if is_metadata and fold_name(stem.split("-")[0]) == wanted:
                return whole
    return None


def read_lines(path):
    try:
        with open(path, "rb") as handle:
            text = handle.read().decode("utf-8", "replace")
    except (IOError, OSError):
        return []
    return [str(line.strip()) for line in as_native(text.splitlines()) if line.strip()]
