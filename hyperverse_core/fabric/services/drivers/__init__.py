"""The drivers of a machine, and their access to the machine."""
