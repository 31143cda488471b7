"""Delivers waves from the sender to the particle, through the gate and the bind, and returns the answers."""
