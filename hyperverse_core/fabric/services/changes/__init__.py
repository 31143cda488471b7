"""The change feed of the registry, and the watchers that are told of a change."""
