"""Where a cell is built and run: a container engine, or environments on this machine."""
