"""Runs machines: starts and stops them, moves their particles, and shows their state, logs and keys."""
