"""Failed builds: what they printed, whose fault they are, when to try again."""
