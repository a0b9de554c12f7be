"""Caliper TensorFlow: where code builds, runs and gives the same result, and what changed."""

#: Version of this tool, in every record that it writes.
__version__ = "0.2.0"
