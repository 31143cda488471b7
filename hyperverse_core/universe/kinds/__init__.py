"""Kinds, their specifics, and selectors of Kinds."""
