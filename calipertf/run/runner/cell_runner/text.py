"""Text of JSON as the strings of this Python."""

from __future__ import print_function

import sys

from .capture import TEXT


def as_native(value):
    """Return JSON's text as the `str` of this Python.

    On Python 2, paths and names have to be bytes.
    """
    if sys.version_info[0] > 2:
        return value
    if isinstance(value, dict):
        return dict((as_native(key), as_native(item)) for key, item in value.items())
    if isinstance(value, list):
        return [as_native(item) for item in value]
    return value.encode("utf-8") if isinstance(value, TEXT) else value
