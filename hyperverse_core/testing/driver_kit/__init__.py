"""The chapters of :class:`hyperverse_core.testing.DriverConformance`."""
