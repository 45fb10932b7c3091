"""The engine: durable entities, the messages between them, the processes they live in."""
