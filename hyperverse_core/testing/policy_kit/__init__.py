"""The chapters of :class:`~hyperverse_core.testing.policy_conformance.PolicyConformance`."""
