"""The package index: releases, wheels, metadata, and the index as it stood on a date."""
