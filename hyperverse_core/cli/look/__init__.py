"""Shows what is in a Hyperverse: particles, Kinds, stars, and what happens to them."""
