"""Shows what is in a Hyperverse: particles and their changes, Kinds, and stars."""
