"""Where particles live: creating them, choosing a star, moving them."""
