"""The command language and scripts."""
