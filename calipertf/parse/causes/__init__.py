"""What a failure or a difference comes from."""
