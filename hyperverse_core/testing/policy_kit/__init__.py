"""The test groups of :class:`~hyperverse_core.testing.policy_conformance.PolicyConformance`."""
