"""Shows the content of a Hyperverse: particles and their changes, Kinds, and stars."""
