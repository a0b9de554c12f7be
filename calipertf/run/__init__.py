"""Stage 1: plan the grid, build each cell, run the scripts in it, judge and record."""
