"""Addresses: points, surfaces, star keys, and templates of points."""
