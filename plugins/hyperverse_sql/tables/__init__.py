"""The tables of a registry, and how values are stored in them."""
