"""Which packages break a script, found by putting them back one after the other."""
