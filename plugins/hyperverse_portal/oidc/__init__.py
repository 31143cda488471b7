"""Log-ins by OpenID Connect: an optional part of the portal, which needs the extra ``oidc``."""
