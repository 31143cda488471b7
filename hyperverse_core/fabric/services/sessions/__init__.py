"""Gateways and the sessions of the agents that come in by them."""
