"""Commands about who may do what: users, tokens, grants."""
