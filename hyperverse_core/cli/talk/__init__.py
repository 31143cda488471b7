"""Talks to a running machine: the connection, the command language, and the interactive terminal."""
