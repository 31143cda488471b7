"""The particles of the platform itself, and what handlers ask of their machine."""
