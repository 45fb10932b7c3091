"""What the front door can do, without HTTP."""
