"""Execution of commands: each runs in the name of an agent; a command about many particles runs in slices."""
