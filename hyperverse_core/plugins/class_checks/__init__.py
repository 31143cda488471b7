"""Checks of the classes that a plugin registers: mistakes are told when it loads, not at the first wave."""
