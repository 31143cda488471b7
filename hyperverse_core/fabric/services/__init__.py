"""What a machine offers beside waves: commands, drivers, watches, the change feed, its status."""
