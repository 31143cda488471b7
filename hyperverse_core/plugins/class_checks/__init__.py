"""Checks of the classes that a plugin registers: mistakes are reported when it loads, not at the first wave."""
