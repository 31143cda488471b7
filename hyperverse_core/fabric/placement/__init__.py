"""Where a particle is to live: creating, choosing a star, moving."""
