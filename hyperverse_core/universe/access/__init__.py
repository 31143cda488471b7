"""Permissions, grants and scopes, and the rules that determine an agent's access from them."""
