"""Selectors of points: `localhost:**<File>`."""
