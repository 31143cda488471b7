"""What CI runs, with nothing but Python's own library: it makes the environments that have the rest."""
