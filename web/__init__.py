"""The front door: HTTP, sockets, the console and the command line."""
