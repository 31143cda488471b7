"""Selectors: patterns of points, such as ``localhost:**<File>``."""
