"""The particles of the platform itself, and the services of the machine for handlers."""
