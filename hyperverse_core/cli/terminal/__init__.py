"""What every command stands on: the common options, printing, and how a failure is reported."""
