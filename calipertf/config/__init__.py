"""caliper.yaml: reading, checking, and every problem of a file at once."""
