"""Stage 2: how far apart two versions are, from requirements, APIs and function databases."""
