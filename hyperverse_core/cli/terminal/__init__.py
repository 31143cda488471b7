"""The common part of all commands: the common options, printing, and the report of a failure."""
