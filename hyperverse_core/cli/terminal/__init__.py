"""What all commands share: the common options, printing, and the report of a failure."""
