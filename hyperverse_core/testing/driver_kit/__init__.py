"""The test groups of :class:`hyperverse_core.testing.DriverConformance`."""
