"""The change feed of the registry, and who is told of a change."""
