"""The Ray side: the only folder that imports ray, and only in the processes that Ray runs."""

INSTANCE_MARK = "VAREON_INSTANCE"
"""Environment variable that every process of one start carries."""
