"""Files in a data directory that a machine writes and its clients read."""
