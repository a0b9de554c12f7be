"""Cells as images and containers of a container engine."""
