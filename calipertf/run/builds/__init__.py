"""Failed builds: what they printed, whose fault they are, and when to try them again."""
