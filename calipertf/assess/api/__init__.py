"""The public API of one version of a package, and what scripts use of it."""
