"""Definitions of Kinds: properties, parents and children. The standard Kinds, and templates of Kinds."""
