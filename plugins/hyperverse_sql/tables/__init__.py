"""The tables of a registry, and how values are kept in them."""
