"""The particles of the platform itself, and what handlers can ask of their machine."""
