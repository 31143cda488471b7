"""Lanes between machines: connections, requests that wait for an answer, stars of other machines."""
