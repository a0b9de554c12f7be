"""The package index: releases, wheels, metadata, and the index as it stood on a date."""

#: The index of all who name no other.
DEFAULT_INDEX = "https://pypi.org/simple/"
