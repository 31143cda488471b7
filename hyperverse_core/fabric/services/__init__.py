"""The services of a machine in addition to waves: commands, drivers, watches, the change feed, its status."""
