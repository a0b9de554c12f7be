"""Which distribution a module belongs to, as far as names tell."""

from __future__ import annotations

import re
from collections.abc import Collection

from packaging.utils import canonicalize_name

from calipertf.owners import DISTRIBUTIONS

#: Import name, normalised -> the distributions that give it, where the names differ, beyond those
#: of `owners`: those that few packages need, those that several give, and names in quoted lines.
_MORE: dict[str, tuple[str, ...]] = {
    "bio": ("biopython",),
    "builtins": ("future",),
    "crypto": ("pycryptodome", "pycrypto"),
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python"),
    "distutils": ("setuptools",),
    "engineio": ("python-engineio",),
    "graphql": ("graphql-core",),
    "igraph": ("python-igraph", "igraph"),
    "jose": ("python-jose",),
    "kafka": ("kafka-python",),
    "levenshtein": ("python-levenshtein", "levenshtein"),
    "markdown-it": ("markdown-it-py",),
    "memcache": ("python-memcached",),
    "mpl-toolkits": ("matplotlib",),
    "multipart": ("python-multipart",),
    "nacl": ("pynacl",),
    "np": ("numpy",),
    "opengl": ("pyopengl",),
    "past": ("future",),
    "pd": ("pandas",),
    "plt": ("matplotlib",),
    "pptx": ("python-pptx",),
    "psycopg2": ("psycopg2-binary", "psycopg2"),
    "pywt": ("pywavelets",),
    "rest-framework": ("djangorestframework",),
    "sa": ("sqlalchemy",),
    "slugify": ("python-slugify",),
    "socketio": ("python-socketio",),
    "socks": ("pysocks",),
    "telegram": ("python-telegram-bot",),
    "tensorflow-core": ("tensorflow",),
    "tf": ("tensorflow",),
    "tlz": ("toolz",),
    "umap": ("umap-learn",),
    "usb": ("pyusb",),
    "websocket": ("websocket-client",),
}
_DISTRIBUTIONS: dict[str, tuple[str, ...]] = {
    **{canonicalize_name(module): (name,) for module, name in DISTRIBUTIONS.items()},
    **_MORE,
}
#: Distributions named like their module, but for what stands around its name.
_AROUND = ("python-{}", "py{}", "{}-python", "{}-py", "{}-client", "django-{}", "{}-core")


def guess_distribution(module: str) -> str:
    """The likeliest distribution of a dotted module; those in the root google go by its folders."""
    return _list_candidates(module)[0] if module else ""


def find_distribution(module: str, names: Collection[str]) -> str | None:
    """Which of the normalised names a dotted module belongs to; None where it is none of them."""
    return next((name for name in _list_candidates(module) if name in names), None)


def _list_candidates(module: str) -> list[str]:
    parts = module.removesuffix(".py").split(".")
    root = canonicalize_name(parts[0].strip("_") or parts[0])
    if root in {"google", "backports", "ruamel", "sphinxcontrib", "zope", "azure"} and parts[1:]:
        below = canonicalize_name(parts[1]) if parts[1] else ""
        if root == "google":
            return ["protobuf"] if below == "protobuf" else [f"google-{below}"] if below else [root]
        return [f"{root}-{below}", root]
    known = _DISTRIBUTIONS.get(root, ())
    return [*known, root, *(form.format(root) for form in _AROUND)]


def split_words(identifier: str) -> list[str]:
    """The words of an identifier in lower case: SyncHttpxClient gives sync, httpx, client."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|\d+", identifier)]
