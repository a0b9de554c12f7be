"""The name of the package's API that an exception speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from calipertf.reasons.last_words import Failure
from calipertf.reasons.lookups import NO_MODULE


@dataclass(frozen=True, kw_only=True)
class Symbol:
    """A name that an exception speaks of."""

    #: Dotted, as far as the exception tells it: tensorflow.placeholder, Conv2D.output_shape.
    path: str
    #: Whether the path begins at a package's root; else it is the end of a longer one.
    rooted: bool
    #: Whether it is a module that was not found: then one that it lies in may be what is gone.
    module: bool = False
    #: Whether the path's first part is what the script calls something by: tf in tf.nn.relu.
    alias: bool = False
    #: Whether the name is there and was called in a way that it does not take.
    called: bool = False
    #: The parameter that the message names; None where it names none.
    argument: str | None = None


_NO_ATTRIBUTE = re.compile(r"[Mm]odule '([\w.]+)' has no attribute '(\w+)'")
_NO_MEMBER = re.compile(r"'(\w+)' object has no attribute '(\w+)'")
_NO_TYPE_MEMBER = re.compile(r"type object '(\w+)' has no attribute '(\w+)'")
#: Python 2.7 says no more than this of a module.
_NO_MODULE_MEMBER = re.compile(r"^'module' object has no attribute '(\w+)'")
#: A package's own words for what it has no more: `BaseSettings` has been moved to ...
_GONE = re.compile(
    r"(?<![\w.])[`'\"]?((?:\w+\.)*\w+)[`'\"]?(?:\(\))? (?:has been|have been|was|is|were|are) "
    r"(?:\w+ )?(?:removed|moved|renamed|dropped|no longer (?:available|supported))"
)
_NO_NAME = re.compile(r"cannot import name '?(\w+)'?(?: from '([\w.]+)')?")
#: It begins where a dotted name does: a long one would be tried at each of its letters.
_CALL = re.compile(r"(?:(?<![\w.])|(?<=>\.))((?:\w+\.)*\w+)\(\) (?:got|missing|takes)")
_NAMED = re.compile(r"Only call `(\w+)` with named")
_OP = re.compile(r"Input '(\w+)' of '(\w+)' Op has type")
_ARGUMENT = re.compile(
    r"(?:unexpected keyword argument|multiple values for|missing \d+ required) .*"
)
_IMPORT = re.compile(r"^\s*from ([\w.]+) import ")
_IMPORT_MODULE = re.compile(r"^\s*(?:from|import) ([\w.]+)")


def name_symbol(failure: Failure | None, error: Sequence[str] = ()) -> Symbol | None:
    """Return the symbol behind an exception; None where the message names none.

    `error` are the lines of stderr: until Python 3.6, only the quoted source says what a name was
    imported from.
    """
    if failure is None:
        return None
    text = failure.message
    if match := _NO_ATTRIBUTE.search(text):
        return Symbol(path=f"{clean_path(match[1])}.{match[2]}", rooted=True)
    if match := _NO_MODULE_MEMBER.search(text):
        return _name_quoted(match[1], error, called=False)
    if match := _NO_TYPE_MEMBER.search(text) or _NO_MEMBER.search(text):
        return Symbol(path=f"{match[1]}.{match[2]}", rooted=False)
    if match := NO_MODULE.search(text):
        path = _complete_module(match[1], error)
        return Symbol(path=clean_path(path), rooted=True, module=True)
    if match := _NO_NAME.search(text):
        source = match[2] or _find_import(match[1], error)
        path = f"{clean_path(source)}.{match[1]}" if source else match[1]
        return Symbol(path=path, rooted=source is not None)
    if failure.type == "AttributeError" and text.isidentifier():
        # What a module's __getattr__ raises: the name alone.
        return _name_quoted(text, error, called=False)
    if match := _GONE.search(text):
        return Symbol(path=match[1], rooted=False)
    return _name_called(text, error)


def _name_called(text: str, error: Sequence[str]) -> Symbol | None:
    """Return the function or class that was called in a way it does not take."""
    if match := _NAMED.search(text):
        return _name_quoted(match[1], error, called=True)
    if match := _OP.search(text):
        return _name_quoted(_to_snake(match[2]), error, called=True, argument=match[1])
    match = _CALL.search(text)
    if match is None:
        return None
    words = _ARGUMENT.search(text)
    named = re.search(r"'(\w+)'", words[0]) if words else None
    argument = named[1] if named else None
    name = match[1].removesuffix(".__init__")
    if "." in name or name != match[1]:
        # From Python 3.10 on, with the classes and functions that it is defined in.
        path = name.rpartition("<locals>.")[2]
        return Symbol(path=path, rooted=False, called=True, argument=argument)
    # Before, the message does not say whose __init__ it is.
    return None if name == "__init__" else _name_quoted(name, error, called=True, argument=argument)


def _name_quoted(
    name: str, error: Sequence[str], *, called: bool, argument: str | None = None
) -> Symbol | None:
    """Return the name with what stands before it where the traceback quotes its use: tf.nn.relu.

    A name that is only called by what it hangs on is not known without that; a function's may be.
    """
    behind = r"\s*\(" if called else r"\b"
    use = re.compile(rf"(?<![\w.)\]])((?:\w+\.)+){re.escape(name)}{behind}")
    for line in _list_quoted(error):
        if match := use.search(line):
            return Symbol(
                path=match[1] + name, rooted=False, alias=True, called=called, argument=argument
            )
    return Symbol(path=name, rooted=False, called=True, argument=argument) if called else None


def _list_quoted(error: Sequence[str]) -> Iterator[str]:
    """Yield the lines of source that the last traceback quotes, innermost first."""
    for line in reversed(error):
        if line.startswith("Traceback"):
            return
        if line.startswith("    "):
            yield line.strip()


def _find_import(name: str, error: Sequence[str]) -> str | None:
    """Return the module in the last quoted line `from module import name`."""
    for line in reversed(error):
        match = _IMPORT.match(line)
        if match and re.search(rf"\b{name}\b", line[match.end() :]):
            return match[1]
    return None


def _complete_module(path: str, error: Sequence[str]) -> str:
    """Return the full path of a module that Python 2.7 names by its end only: contrib.eager."""
    for line in _list_quoted(error):
        match = _IMPORT_MODULE.match(line)
        if match and f"{match[1]}.".endswith(f".{path}."):
            return match[1]
        if match and f".{path}." in f"{match[1]}.":
            return match[1].partition(f".{path}")[0] + f".{path}"
    return path


def _to_snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def clean_path(path: str) -> str:
    """Return the public path behind the module that Python reports.

    TensorFlow's public modules are made in tensorflow._api.v2 and Keras' in keras.api or
    keras._tf_keras.keras; in 1.15 to 2.1 the root was tensorflow_core.
    """
    path = re.sub(r"^tensorflow_core\b", "tensorflow", path)
    path = re.sub(r"\._api(?:\.v\d)+", "", path)
    path = re.sub(r"^keras\.(?:api\.)?(?:_v\d|_tf_keras)\.keras\b", "keras", path)
    path = re.sub(r"^keras\.api\b", "keras", path)
    return re.sub(r"^tensorflow_estimator\.python\.estimator\.api(?:\._v\d)?", "tensorflow", path)
