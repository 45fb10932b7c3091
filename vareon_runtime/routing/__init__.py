"""Links, the router that dispatches over them, and the bus that asks."""
