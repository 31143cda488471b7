"""Active particles: how one is activated, takes its turns, saves, and is deactivated."""
