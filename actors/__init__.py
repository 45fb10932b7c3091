"""The domain: entities, their messages and rules."""
