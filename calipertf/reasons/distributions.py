"""Which distribution a module belongs to, judged by names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from packaging.utils import canonicalize_name

#: Import name -> the distributions that give it, the likeliest first, where the names differ.
DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = {
    "absl": ("absl-py",),
    "attr": ("attrs",),
    "Bio": ("biopython",),
    "bs4": ("beautifulsoup4",),
    "Crypto": ("pycryptodome", "pycrypto"),
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python"),
    "dateutil": ("python-dateutil",),
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
    "Levenshtein": ("python-levenshtein", "levenshtein"),
    "magic": ("python-magic",),
    "markdown_it": ("markdown-it-py",),
    "memcache": ("python-memcached",),
    "mpl_toolkits": ("matplotlib",),
    "multipart": ("python-multipart",),
    "MySQLdb": ("mysqlclient",),
    "nacl": ("pynacl",),
    "OpenGL": ("pyopengl",),
    "OpenSSL": ("pyopenssl",),
    "past": ("future",),
    "PIL": ("pillow",),
    "pkg_resources": ("setuptools",),
    "pptx": ("python-pptx",),
    "psycopg2": ("psycopg2-binary", "psycopg2"),
    "pywt": ("pywavelets",),
    "rest_framework": ("djangorestframework",),
    "serial": ("pyserial",),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn",),
    "slugify": ("python-slugify",),
    "socketio": ("python-socketio",),
    "socks": ("pysocks",),
    "telegram": ("python-telegram-bot",),
    "tensorflow_core": ("tensorflow",),
    "tlz": ("toolz",),
    "umap": ("umap-learn",),
    "usb": ("pyusb",),
    "websocket": ("websocket-client",),
    "yaml": ("pyyaml",),
    "zmq": ("pyzmq",),
}
#: The same for names that are no import names of it alone: what scripts call a module by, and
#: modules of Python's library that it replaces.
_OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "builtins": ("future",),
    "distutils": ("setuptools",),
    "np": ("numpy",),
    "pd": ("pandas",),
    "plt": ("matplotlib",),
    "sa": ("sqlalchemy",),
    "tf": ("tensorflow",),
}
#: The same by normalised name.
_DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = {
    canonicalize_name(module): names
    for module, names in (*DISTRIBUTIONS.items(), *_OTHER_NAMES.items())
}
#: A module's folder, or file, in what a traceback says of an installed package.
_FOLDER = re.compile(r"(?:site|dist)-packages[\\/]([\w.]+)(?:[\\/]([\w.]+))?")
#: Distributions named like their module, but for what is around its name.
_AROUND = ("python-{}", "py{}", "{}-python", "{}-py", "{}-client", "django-{}", "{}-core")


def guess_distribution(module: str) -> str:
    """Return the likeliest distribution of a dotted module.

    Those in the root google go by its folders.
    """
    return _list_candidates(module)[0] if module else ""


def name_requirement(module: str) -> str:
    """Return what to write among requirements for a top-level module: its own name where unsure."""
    return DISTRIBUTIONS.get(module, (module,))[0]


def find_distribution(module: str, names: Collection[str]) -> str | None:
    """Return which of the normalised names a dotted module belongs to; None for any other."""
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


def list_modules(distribution: str) -> set[str]:
    """Return the import names that a distribution, by its normalised name, is known to give."""
    return {module for module, names in DISTRIBUTIONS.items() if distribution in names}


def list_installed_modules(lines: Iterable[str]) -> Iterator[str]:
    """Yield the dotted module below site-packages that each line of a traceback names, if any."""
    for line in lines:
        if match := _FOLDER.search(line):
            yield f"{match[1]}.{match[2]}" if match[2] else match[1]


def split_words(identifier: str) -> list[str]:
    """Return the words of an identifier in lower case.

    SyncHttpxClient gives sync, httpx, client.
    """
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|\d+", identifier)]
