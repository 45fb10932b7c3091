"""The parent process: binds the port, starts the Ray side, watches it and stops it. No ray here."""
