"""Which distribution a module belongs to, as far as names tell."""

from __future__ import annotations

import re
from collections.abc import Collection

from packaging.utils import canonicalize_name

#: Import name, normalised -> the distributions that give it, where the names differ.
_DISTRIBUTIONS: dict[str, tuple[str, ...]] = {
    "absl": ("absl-py",),
    "attr": ("attrs",),
    "bio": ("biopython",),
    "bs4": ("beautifulsoup4",),
    "builtins": ("future",),
    "crypto": ("pycryptodome", "pycrypto"),
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python"),
    "dateutil": ("python-dateutil",),
    "distutils": ("setuptools",),
    "docx": ("python-docx",),
    "dotenv": ("python-dotenv",),
    "engineio": ("python-engineio",),
    "fitz": ("pymupdf",),
    "git": ("gitpython",),
    "graphql": ("graphql-core",),
    "igraph": ("python-igraph", "igraph"),
    "jose": ("python-jose",),
    "jwt": ("pyjwt",),
    "kafka": ("kafka-python",),
    "ldap": ("python-ldap",),
    "levenshtein": ("python-levenshtein", "levenshtein"),
    "magic": ("python-magic",),
    "markdown-it": ("markdown-it-py",),
    "memcache": ("python-memcached",),
    "mpl-toolkits": ("matplotlib",),
    "multipart": ("python-multipart",),
    "mysqldb": ("mysqlclient",),
    "nacl": ("pynacl",),
    "np": ("numpy",),
    "opengl": ("pyopengl",),
    "openssl": ("pyopenssl",),
    "past": ("future",),
    "pd": ("pandas",),
    "pil": ("pillow",),
    "pkg-resources": ("setuptools",),
    "plt": ("matplotlib",),
    "pptx": ("python-pptx",),
    "psycopg2": ("psycopg2-binary", "psycopg2"),
    "pywt": ("pywavelets",),
    "rest-framework": ("djangorestframework",),
    "sa": ("sqlalchemy",),
    "serial": ("pyserial",),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn",),
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
    "yaml": ("pyyaml",),
    "zmq": ("pyzmq",),
}
#: Distributions named like their module, but for what stands around its name.
_AROUND = ("python-{}", "py{}", "{}-python", "{}-py", "{}-client", "django-{}", "{}-core")


def name_distribution(module: str) -> str:
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
