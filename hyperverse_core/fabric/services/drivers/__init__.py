"""The drivers of a machine, and what each may use of it."""
