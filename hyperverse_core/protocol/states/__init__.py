"""Saved states: what the durable fields of a particle look like as bytes, and which values come back as they were."""
