"""The dashboard: pages that show a Hyperverse to a logged-in agent, with the rights of that agent and no others."""
