"""What people use today, under the same load in the same run: ``make bench-peers``."""
