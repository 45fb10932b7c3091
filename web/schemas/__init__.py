"""Bodies as they come and go."""
