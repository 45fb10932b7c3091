"""Speed and memory, measured against named baselines in the same run: ``make bench``."""
