"""Why a script failed, from what it printed: exceptions, tracebacks, and whose code is at fault."""
