"""Which machines there are: leases, names, trusted keys."""
