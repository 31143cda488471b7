"""The test groups of :class:`~hyperverse_core.testing.registry_conformance.RegistryConformance`."""
