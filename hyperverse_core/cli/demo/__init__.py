"""``hyperverse demo``: shows that a machine loses nothing when it is killed."""
