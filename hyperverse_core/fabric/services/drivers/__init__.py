"""The drivers of a machine, and what each of them can use of it."""
