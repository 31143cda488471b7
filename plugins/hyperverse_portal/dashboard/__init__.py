"""The dashboard: pages that show a Hyperverse to whoever is logged in, with that agent's rights and no others."""
