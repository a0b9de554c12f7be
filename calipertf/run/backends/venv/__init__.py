"""Cells as isolated environments on this machine."""
