"""What looks after the engine itself."""
