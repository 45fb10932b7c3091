"""What is durable, and how it is written."""
