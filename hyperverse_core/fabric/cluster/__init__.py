"""The machines of a Hyperverse: leases, names, trusted keys."""
