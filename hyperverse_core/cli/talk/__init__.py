"""Talks to a running machine: the connection, commands of the command language, and the interactive terminal."""
