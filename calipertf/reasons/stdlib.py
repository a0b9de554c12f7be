"""Names of Python's own library, on any Python: what a version lacks was added later or removed."""

from __future__ import annotations

import builtins
import sys

#: Modules that were removed in Python 3, removed since, and added since this list was made.
_OTHER_MODULES = """
anydbm BaseHTTPServer Bastion CGIHTTPServer ConfigParser Cookie cookielib copy_reg cPickle
cStringIO commands dbhash dircache DocXMLRPCServer dummy_thread exceptions fpformat
future_builtins gdbm htmlentitydefs HTMLParser httplib ihooks imputil md5 mhlib mimetools
MimeWriter mimify multifile mutex popen2 posixfile Queue rexec rfc822 robotparser sets sha
SimpleHTTPServer SimpleXMLRPCServer SocketServer statvfs StringIO thread Tkinter tkMessageBox
urllib2 urlparse UserDict UserList UserString whichdb xmlrpclib __builtin__
aifc asynchat asyncore audioop binhex cgi cgitb chunk crypt distutils dummy_threading formatter
fpectl imghdr imp lib2to3 macpath macurl2path mailcap msilib nis nntplib ossaudiodev parser pipes
smtpd sndhdr spwd sunau symbol telnetlib uu xdrlib _bootlocale
annotationlib compression
"""
MODULES = frozenset(sys.stdlib_module_names) | frozenset(_OTHER_MODULES.split())

#: Parts of the library that a Python lacks which was built on a machine without what they wrap.
_OPTIONAL = frozenset(
    {"_bz2", "_ctypes", "_curses", "_dbm", "_gdbm", "_hashlib", "_lzma", "_sqlite3", "_ssl"}
    | {"_tkinter", "_uuid", "_zstd", "readline", "tkinter"}
)
_OLD_BUILTINS = frozenset(
    {"apply", "basestring", "buffer", "cmp", "coerce", "execfile", "file", "intern", "long"}
    | {"raw_input", "reduce", "reload", "unichr", "unicode", "xrange", "StandardError"}
)
#: Methods that a class of the library had once, or got later than some Python.
_METHODS = frozenset(
    {
        ("ConfigParser", "readfp"),
        ("Element", "getchildren"),
        ("Element", "getiterator"),
        ("ElementTree", "getiterator"),
        ("HTMLParser", "unescape"),
        ("RawConfigParser", "readfp"),
        ("SafeConfigParser", "readfp"),
        ("Thread", "isAlive"),
        ("dict", "has_key"),
        ("dict", "iteritems"),
        ("dict", "iterkeys"),
        ("dict", "itervalues"),
        ("generator", "next"),
        ("str", "decode"),
    }
)
#: What the views and iterators of Python 3 lack that were lists in Python 2.
_LAZY = frozenset({"dict_items", "dict_keys", "dict_values", "filter", "map", "range", "zip"})
#: Classes of the library whose methods' parameters packages rely on though they are private.
_CALLABLES = frozenset({"ForwardRef", "dataclass", "JSONEncoder", "JSONDecoder"})


def is_stdlib(module: str) -> bool:
    """Return whether some Python's library has the module, given by its dotted path."""
    return module.split(".", maxsplit=1)[0] in MODULES


def is_optional(module: str) -> bool:
    """Return whether it depends on the machine that a Python was built on if it has the module."""
    return module.split(".", maxsplit=1)[0] in _OPTIONAL


def is_builtin(name: str) -> bool:
    """Return whether some Python has this name built in."""
    return name in _OLD_BUILTINS or hasattr(builtins, name)


def is_builtin_type(name: str) -> bool:
    """Return whether objects of a class by this name are Python's own: str, NoneType, generator."""
    return (
        isinstance(getattr(builtins, name, None), type)
        or name in _LAZY
        or name in {"NoneType", "generator", "function", "method", "coroutine", "ellipsis"}
        or name.startswith(("builtin_function", "list_", "str_", "dict_", "tuple_", "set_"))
    )


def has_method(kind: str, name: str) -> bool:
    """Return whether a class of some Python's library has a method that others lack."""
    known = getattr(builtins, kind, None)
    return (
        (kind, name) in _METHODS
        or (isinstance(known, type) and hasattr(known, name))
        or (kind in _LAZY and hasattr(list, name))
    )


def is_called(function: str) -> bool:
    """Whether a function, as messages spell it (`ForwardRef._evaluate`), is the library's."""
    return function.split(".", maxsplit=1)[0] in _CALLABLES
