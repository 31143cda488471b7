"""Runs machines: starts, stops and moves them, and shows their state, logs and keys."""
