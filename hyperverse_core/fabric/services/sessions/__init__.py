"""Gateways, and the sessions of the agents that connect through them."""
