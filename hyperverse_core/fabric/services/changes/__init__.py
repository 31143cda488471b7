"""The change feed of the registry, and the notification of watchers."""
