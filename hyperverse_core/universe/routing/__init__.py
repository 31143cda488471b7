"""Routing of waves inside a particle: binds, their pipelines and patterns, and the selectors of handlers."""
