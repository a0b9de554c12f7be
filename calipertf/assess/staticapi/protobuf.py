"""Message classes of generated protobuf modules, read from the descriptor they carry."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from calipertf.assess.api.model import Parameter
from calipertf.assess.staticapi.values import Attribute, Class, ExternalName, Module

# Field numbers of google/protobuf/descriptor.proto.
_FILE_MESSAGE, _FILE_ENUM = 4, 5
_MESSAGE_FIELD, _MESSAGE_NESTED, _MESSAGE_ENUM = 2, 3, 4
_ENUM_VALUE = 2
_NAME = 1

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def fill_module(module: Module, tree: ast.Module) -> bool:
    """Return whether the module is generated from a .proto file.

    Its messages and enums are then bound.
    """
    if not module.name.endswith("_pb2"):
        return False
    serialized = _find_descriptor(tree)
    if serialized is None:
        return False
    try:
        fields = list(_read_fields(serialized))
        for number, content in fields:
            if number == _FILE_MESSAGE:
                cls = _make_message(content, module.name)
                module.names[cls.path.rpartition(".")[2]] = cls
            elif number == _FILE_ENUM:
                for name in _list_enum(content):
                    module.names[name] = Attribute(path=f"{module.name}.{name}")
    except (IndexError, ValueError, UnicodeDecodeError):
        return False
    module.names["DESCRIPTOR"] = Attribute(path=f"{module.name}.DESCRIPTOR")
    return True


def _find_descriptor(tree: ast.Module) -> bytes | None:
    """Return the serialized file descriptor: protoc writes it as one literal, in three styles."""
    for node in tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        if not any(isinstance(item, ast.Name) and item.id == "DESCRIPTOR" for item in node.targets):
            continue
        call = node.value
        values = [item.value for item in call.keywords if item.arg == "serialized_pb"]
        for value in values or call.args:
            if isinstance(value, ast.Call) and value.args:
                value = value.args[0]  # _b('...'), text that stands for latin-1 bytes
            if isinstance(value, ast.Constant) and isinstance(value.value, bytes):
                return value.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                return value.value.encode("latin-1")
    return None


def _read_fields(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each length-delimited field; others are stepped over."""
    position = 0
    while position < len(content):
        key, position = _read_varint(content, position)
        kind = key & 7
        if kind == _VARINT:
            _, position = _read_varint(content, position)
        elif kind == _FIXED64:
            position += 8
        elif kind == _FIXED32:
            position += 4
        elif kind == _BYTES:
            size, position = _read_varint(content, position)
            yield key >> 3, content[position : position + size]
            position += size
        else:
            raise ValueError(f"wire type {kind} is not one of descriptor.proto's")


def _read_varint(content: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _name_of(content: bytes) -> str:
    return next(item for number, item in _read_fields(content) if number == _NAME).decode()


def _list_enum(content: bytes) -> list[str]:
    """Return the enum's name and its values', which protobuf binds beside it."""
    values = [_name_of(item) for number, item in _read_fields(content) if number == _ENUM_VALUE]
    return [_name_of(content), *values]


def _make_message(content: bytes, parent: str) -> Class:
    path = f"{parent}.{_name_of(content)}"
    cls = Class(path=path, bases=(ExternalName(path="google.protobuf.message.Message"),))
    fields = []
    for number, item in _read_fields(content):
        if number == _MESSAGE_FIELD:
            name = _name_of(item)
            fields.append(Parameter(name=name, kind="keyword-only", default="None"))
            cls.names[name] = Attribute(path=f"{path}.{name}")
        elif number == _MESSAGE_NESTED:
            nested = _make_message(item, path)
            cls.names[nested.path.rpartition(".")[2]] = nested
        elif number == _MESSAGE_ENUM:
            for name in _list_enum(item):
                cls.names[name] = Attribute(path=f"{path}.{name}")
    cls.constructor = tuple(fields)
    return cls
