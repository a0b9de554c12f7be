"""Caliper TensorFlow: where code builds, runs and gives the same result, and what changed."""
