"""Permissions, scopes, grants: the access algebra."""
