"""The transport inside one process, for tests and simulations."""
