"""Files in a data directory that machines write and clients read."""
