"""The name of the package's API that an exception speaks of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from calipertf.exceptions import Failure


@dataclass(frozen=True, kw_only=True)
class Symbol:
    """A name that an exception speaks of."""

    #: Dotted, as far as the exception tells it: tensorflow.placeholder, Conv2D.output_shape.
    path: str
    #: Whether the path begins at the package's root; else it is the end of a longer one.
    rooted: bool
    #: Whether the name is there and was called in a way that it does not take.
    called: bool = False


_NO_MODULE = re.compile(r"No module named '?([\w.]+)'?")
_NO_ATTRIBUTE = re.compile(r"[Mm]odule '([\w.]+)' has no attribute '(\w+)'")
_NO_MEMBER = re.compile(r"'(\w+)' object has no attribute '(\w+)'")
_NO_TYPE_MEMBER = re.compile(r"type object '(\w+)' has no attribute '(\w+)'")
_NO_NAME = re.compile(r"cannot import name '?(\w+)'?(?: from '([\w.]+)')?")
_CALL = re.compile(r"((?:\w+\.)?\w+)\(\) (?:got|missing|takes)")
_NAMED = re.compile(r"Only call `(\w+)` with named")
_OP = re.compile(r"of '(\w+)' Op has type")
_IMPORT = re.compile(r"^\s*from ([\w.]+) import ")


def name_symbol(failure: Failure | None, error: Sequence[str] = ()) -> Symbol | None:
    """The symbol behind an exception; None where the message names none.

    `error` are the lines of stderr: until Python 3.6, only the quoted source says what a name was
    imported from.
    """
    if failure is None:
        return None
    text = failure.message
    if match := _NO_ATTRIBUTE.search(text):
        return Symbol(path=f"{clean_path(match[1])}.{match[2]}", rooted=True)
    if match := _NO_TYPE_MEMBER.search(text) or _NO_MEMBER.search(text):
        return Symbol(path=f"{match[1]}.{match[2]}", rooted=False)
    if match := _NO_MODULE.search(text):
        return Symbol(path=clean_path(match[1]), rooted=True)
    if match := _NO_NAME.search(text):
        source = match[2] or _find_import(match[1], error)
        path = f"{clean_path(source)}.{match[1]}" if source else match[1]
        return Symbol(path=path, rooted=source is not None)
    return _name_called(text)


def _name_called(text: str) -> Symbol | None:
    """The function or class that was called in a way it does not take."""
    if match := _NAMED.search(text):
        return Symbol(path=match[1], rooted=False, called=True)
    if match := _OP.search(text):
        return Symbol(path=_to_snake(match[1]), rooted=False, called=True)
    match = _CALL.search(text)
    # Before Python 3.10 the message does not say whose __init__ it is.
    name = match[1].removesuffix(".__init__") if match else "__init__"
    return None if name == "__init__" else Symbol(path=name, rooted=False, called=True)


def _find_import(name: str, error: Sequence[str]) -> str | None:
    """The module in the last quoted line `from module import name`."""
    for line in reversed(error):
        match = _IMPORT.match(line)
        if match and re.search(rf"\b{name}\b", line[match.end() :]):
            return match[1]
    return None


def _to_snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def clean_path(path: str) -> str:
    """The public path behind the module that Python reports.

    TensorFlow's public modules are made in tensorflow._api.v2 and Keras' in keras.api or
    keras._tf_keras.keras; in 1.15 to 2.1 the root was tensorflow_core.
    """
    path = re.sub(r"^tensorflow_core\b", "tensorflow", path)
    path = re.sub(r"\._api(?:\.v\d)+", "", path)
    path = re.sub(r"^(?:tensorflow\.)?keras\.(?:api|_tf_keras)(?:\._v\d)?\.keras", "keras", path)
    path = re.sub(r"^tensorflow_estimator\.python\.estimator\.api(?:\._v\d)?", "tensorflow", path)
    return re.sub(r"^keras\b", "tensorflow.keras", path)
