"""Waves: methods, the messages themselves, and what becomes of them."""
