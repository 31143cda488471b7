"""The parts of `hyperverse_core.testing.registry_conformance`."""
