"""Figures of stage 3: the only part that knows the plotting library."""
