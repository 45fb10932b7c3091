"""The Ray side: the only folder that imports ray, and only in the processes that Ray runs."""
