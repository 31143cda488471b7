"""What a machine offers in addition to waves: commands, drivers, watches, the change feed, its status."""
