"""Waves: methods, the messages themselves, and their outcomes."""
