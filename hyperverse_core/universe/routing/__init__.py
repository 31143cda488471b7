"""Binds: patterns, pipelines, route tables."""
