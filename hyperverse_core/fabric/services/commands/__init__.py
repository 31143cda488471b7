"""Execution of commands: each runs on behalf of an agent; a command about many particles runs in slices."""
