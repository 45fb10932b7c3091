"""A host: activations, their turns, and group commit."""
