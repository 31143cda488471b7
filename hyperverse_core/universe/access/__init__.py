"""Permissions, grants and scopes, and the rules that make an agent's access of them."""
