"""Waves and their bodies."""
