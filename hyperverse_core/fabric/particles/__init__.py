"""Active particles: how they are activated, take turns, save, and are deactivated."""
