"""The transport that stays in one process, for tests and simulations."""
