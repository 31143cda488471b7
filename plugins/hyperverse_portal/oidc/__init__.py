"""Login through OpenID Connect: an optional part of the portal that needs the extra ``oidc``."""
