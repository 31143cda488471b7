"""Caches of the registry and the policy, which the change feed keeps correct."""
