"""What a failure says of the standard library: names that this Python does not have."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from calipertf.exceptions import Failure
from calipertf.parse.symbols import Symbol, name_symbol
from calipertf.versions import python_version

#: Modules that the standard library had once: Python 2's, and those removed up to 3.14.
_FORMER = frozenset(
    re.findall(
        r"\w+",
        """
        BaseHTTPServer ConfigParser HTMLParser Queue SimpleHTTPServer SocketServer StringIO Tkinter
        UserDict __builtin__ _bootlocale aifc asynchat asyncore audioop binhex cPickle cStringIO
        cgi cgitb chunk commands cookielib copy_reg crypt distutils dummy_threading formatter
        htmlentitydefs httplib imghdr imp lib2to3 macpath mailcap msilib nis nntplib ossaudiodev
        pipes smtpd sndhdr spwd sunau telnetlib thread urllib2 urlparse uu xdrlib xmlrpclib
        """,
    )
)
#: A frame in the standard library: lib/python3.9/random.py, and not what was installed below it.
_FRAME = re.compile(
    r'^\s+File "[^"]*[\\/]lib(?:64)?[\\/]python[23]\.\d+[\\/](?P<file>[^"]+\.py)", line \d+'
)
_INSTALLED = re.compile(r"(?:site|dist)-packages[\\/]")
#: Where the module of a message lies: "cannot import name 'x' from 'types' (/home/types.py)".
_PLACE = re.compile(r"\(([^()]*\.(?:py|so))\)")
_STANDARD = re.compile(r"[\\/]lib(?:64)?[\\/]python[23]\.\d+[\\/](?!site-|dist-)")
_SYNTAX = frozenset({"SyntaxError", "IndentationError", "TabError"})


def is_standard(module: str) -> bool:
    """Whether a dotted module is, or once was, one of the standard library's."""
    root = module.partition(".")[0]
    return root in sys.stdlib_module_names or root in _FORMER


def describe_standard(failure: Failure | None, error: Sequence[str], python: str) -> str | None:
    """What this Python lacks, as the message says: a clause, or None where it says nothing of it.

    `python` is a tag such as cp39; `error` are the lines of stderr.
    """
    number = python_version(python)
    place = _PLACE.search(failure.message) if failure else None
    if place and not re.search(
        r"[\\/]lib(?:64)?[\\/]python[23]\.\d+[\\/](?!site-|dist-)", place[1]
    ):
        return None  # a module of the user's that is named like one of Python's
    symbol = name_symbol(failure, error)
    if symbol is not None and not symbol.called and symbol.rooted and is_standard(symbol.path):
        return f"{_name_lack(symbol)} is not in the standard library of Python {number}"
    return None


def describe_raiser(failure: Failure | None, error: Sequence[str], python: str) -> str | None:
    """Where in Python itself it failed, a clause: its syntax, or a module that raised it."""
    number = python_version(python)
    if failure is not None and failure.type in _SYNTAX:
        return f"this is not the syntax of Python {number}"
    frames = [line for line in error if line.lstrip().startswith('File "')]
    match = _FRAME.match(frames[-1]) if frames else None
    if match and not _INSTALLED.search(match["file"]):
        module = re.sub(r"(?:[\\/]__init__)?\.py$", "", match["file"])
        name = re.sub(r"[\\/]", ".", module)
        if is_standard(name):
            return f"{name} of its standard library raised it"
    return None


def _name_lack(symbol: Symbol) -> str:
    return f"the module {symbol.path}" if symbol.module else symbol.path
