"""Saved states: how the durable fields of a particle are encoded, and which values can be read back unchanged."""
