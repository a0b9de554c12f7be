"""Lines of failed builds: whose fault each is, and what to install where a machine lacks it.

The lines are those that setuptools, pip, meson, CMake, cargo, compilers, linkers and shells print;
tests/test_build_messages.py has many of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Reason = Literal["dependency", "python", "system", "other"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A line that says why, whose fault that is, and what to install."""

    pattern: re.Pattern[str]
    reason: Reason
    #: Takes the pattern's group `what`.
    hint: str | None = None


def _rule(pattern: str, reason: Reason, hint: str | None = None) -> Rule:
    return Rule(pattern=re.compile(pattern), reason=reason, hint=hint)


_HEADER = "install the package that provides {what}"
PROGRAM = "install the program {what}"
_LIBRARY = "install the development package of {what}"
#: Where pkg-config could not be asked; takes what was asked for, of which there may be nothing.
PKG_CONFIG = "install pkg-config and the development package of {what}"
WHAT = r"(?P<what>[\w+.-]+)"
#: Modules of which backends are made, which are there while something is built.
_TOOLS = (
    r"(?:setuptools|_?distutils|pip|wheel|pkg_resources|numpy|Cython|cffi|pybind11|skbuild|pbr"
    r"|poetry|flit_core|hatchling|setuptools_scm|setuptools_rust|mesonpy|packaging)"
)
#: Headers that CPython had and took away, with old and new names of the same.
_GONE_HEADERS = (
    r"(?:longintrepr|cStringIO|node|parsetok|grammar|graminit|asdl|Python-ast|ast|symtable|ucnhash"
    r"|pyarena|bitset|metagrammar|eval|code|funcobject|classobject|pgenheaders|pythread_internal"
    r"|bytes_methods|accu|dtoa|pymath|pyctype|pgen|token|errcode|osdefs|parser|intobject"
    r"|stringobject|bufferobject|cobject|intrcheck|structseq)\.h"
)
#: Where compilers look for headers and libraries only to see whether they are there.
_PROBE = r"^(?!_configtest|\S*conftest|/tmp/)"
#: Definite lines, the most telling rule first.
RULES = (
    _rule(_PROBE + rf".*fatal error: {_GONE_HEADERS}: No such file", "python"),
    _rule(_PROBE + r".*fatal error: (?:\.|numpy/).*: No such file", "other"),
    _rule(
        _PROBE + r".*fatal error: Python\.h: No such file",
        "system",
        "install the headers of this Python",
    ),
    _rule(
        _PROBE + r".*fatal error: '?(?P<what>[\w+./-]+)'?(?:: No such file| file not)",
        "system",
        _HEADER,
    ),
    _rule(r"cannot find -l(?P<what>[\w+.-]+)", "system", _LIBRARY),
    _rule(
        rf"(?:command|execute) '?(?:\S*/)?{WHAT}'? ?(?:failed)?: No such file or directory",
        "system",
        PROGRAM,
    ),
    _rule(
        r"[Ee]rror: (?:.*[ '\"])?"
        r"(?P<what>\w+[-_]config|lib\w+|\S+(?= (?:executable|command|program)))"
        r"(?: \w+)? (?:was )?not found",
        "system",
        "install {what}",
    ),
    _rule(
        r"(?:No such file or directory|[Cc]ould not (?:run|find)|[Uu]nable to (?:run|find)):? '?"
        r"(?P<what>\w+[-_]config)\b",
        "system",
        PROGRAM,
    ),
    _rule(
        r"^(?:[\w.]*(?:Error|Exception)|[Ee]rror)\b.*"
        r"(?:\b[A-Z]+_HOME\b.*(?:not (?:been )?(?:set|found)|[Pp]lease set)"
        r"|(?:find|set|define) \$?[A-Z]+_HOME\b|\bCUDA was not found)",
        "system",
    ),
    _rule(r"(?i)no package '(?P<what>[^']+)' found", "system", _LIBRARY),
    _rule(rf"Package '?{WHAT}'?(?:, required by \S+, not| was not) found", "system", _LIBRARY),
    _rule(
        r"(?i)\bdependency (?:lookup for )?\"?(?P<what>[\w+.-]+)\"? (?:not found|with)",
        "system",
        _LIBRARY,
    ),
    _rule(
        r"(?i)^(?:[\w.]*(?:error|exception)\b|\S+ error:).*(?<![\w/])pkg-?config\b",
        "system",
        PKG_CONFIG,
    ),
    _rule(r"package configuration file provided by \"(?P<what>[^\"]+)\"", "system", _LIBRARY),
    _rule(r"^(?:CMake Error.*)?Could NOT find (?P<what>\w+)", "system", _LIBRARY),
    _rule(
        r"(?i)can't find rust compiler|cargo, the rust package manager, is not installed"
        r"|rust(?:c|up)?\b.*(?:not found|not installed|is not supported|required to)",
        "system",
        "install a Rust compiler (rustc and cargo)",
    ),
    _rule(
        r"(?i)cmake (?:must be|is not|needs to be|is required|was not|not)|unable to find cmake"
        r"|problem with the cmake installation|cmake executable",
        "system",
        "install CMake",
    ),
    _rule(
        r"(?i)no fortran compiler|unknown compiler\(s\): \[\['?gfortran",
        "system",
        "install a Fortran compiler (gfortran)",
    ),
    _rule(
        r"(?i)unknown compiler\(s\)|no acceptable c compiler|cannot compile programs"
        r"|compiler cannot create executables|no c(?:\+\+)? compiler",
        "system",
        "install a C compiler (gcc and g++)",
    ),
    _rule(rf"error while loading shared libraries: {WHAT}:", "system", "install {what}"),
    _rule(rf"OSError: {WHAT}: cannot open shared object", "system", "install {what}"),
    _rule(rf"headers or library files could not be found for {WHAT}", "system", _LIBRARY),
    _rule(
        r"(?i)(?:blas|lapack)\S* ?(?:notfound|not found)|no (?:lapack|blas)\S* \S+ found"
        r"|no BLAS/LAPACK",
        "system",
        "install the development packages of BLAS and LAPACK",
    ),
    _rule(
        r"(?i)^\W*(?:\w*error\b|configure: error).*"
        r"\b(?:dev(?:el(?:opment)?)? (?:package|header|file)s?|librar(?:y|ies)|headers?)\b.*"
        r"\b(?:install|required|missing|not (?:be )?found|not (?:be )?find|not exist)",
        "system",
    ),
    _rule(
        r"(?i)^\W*(?:\w*error\b|configure: error).*\bnot (?:be )?(?:found|find)\b"
        r".*\b(?:library|libraries|headers?)\b|could not find (?:\w+ )*library (?P<what>\w+)",
        "system",
    ),
    _rule(
        r"(?i)(?:requires|find a|failed executing).*\b(?P<what>llvm|swig|java|bison|flex|ninja)\b",
        "system",
        "install {what}",
    ),
    _rule(
        r"(?i)no (?:command|program|executable) '?(?P<what>[\w+.-]+)'? (?:in|on|found)",
        "system",
        PROGRAM,
    ),
    _rule(r"configure: error: .*(?:not found|missing|required|need)", "system"),
    # The C interface of another Python.
    _rule(
        r"(?<!fatal )\berror: .*(?:\b_?Py[A-Z_]\w+|\btp_print\b|\bexc_type\b|\bcurexc_\w+"
        r"|\buse_tracing\b|\bob_(?:digit|size|refcnt|type|shash|sval)\b|\bf_(?:code|lineno)\b"
        r"|struct _(?:frame|ts|is)\b)",
        "python",
    ),
    _rule(r"^(?:SyntaxError|IndentationError|TabError)\b", "python"),
    _rule(
        r"^NameError: .*'(?:unicode|basestring|xrange|raw_input|execfile|file|reduce|unichr|long"
        r"|reload|cmp|Str|Num|Bytes|NameConstant)'",
        "python",
    ),
    _rule(r"object has no attribute '(?:iteritems|itervalues|iterkeys|has_key|decode)'", "python"),
    _rule(r"^error in .* setup command: ", "dependency"),
    _rule(r"invalid command '|in a flat-layout|use_2to3", "dependency"),
    _rule(r"No module named '?(?:pkg_resources|setuptools|pip|numpy\.distutils)\b", "dependency"),
    # A name that went from another package, which a file of it or a tool's name shows.
    _rule(r"^ImportError: cannot import name .*[\\/](?:site|dist)-packages[\\/]", "dependency"),
    _rule(rf"^ImportError: cannot import name '?\w+'? from '{_TOOLS}\b", "dependency"),
    _rule(rf"^AttributeError: module '{_TOOLS}[\w.]*' has no attribute", "dependency"),
    _rule(r"^configuration error: |Compatibility with CMake < [\d.]+ has been", "dependency"),
    # Parts of distutils come from setuptools, and so do its commands.
    _rule(r"No module named '?distutils\.", "dependency"),
    _rule(
        r"^AttributeError: '(?:build\w*|sdist|install\w*|egg_info|e?bdist\w*|develop|Distribution"
        r"|Extension|\w*CCompiler)' object has no attribute",
        "dependency",
    ),
    _rule(r"Cython\.Compiler\.Errors\.\w+|^Error compiling Cython file", "dependency"),
    _rule(
        r"(?i)^(?:\w*error\b|\w*exception\b|sorry).*(?<![/\w])python[ -]?(?:version )?"
        r"(?:[<>=~!]*\s*[23]\b|3\.|2\.|is (?:not|un)|not )",
        "python",
    ),
    _rule(r"(?i)\berror: .*python (?:interpreter )?version .*(?:newer|older) than", "python"),
    _rule(
        r"(?i)only (?:for|on|with|supports?) python|not (?:needed|supported) (?:on|by) python"
        r"|for python [\d.]+ only",
        "python",
    ),
)
