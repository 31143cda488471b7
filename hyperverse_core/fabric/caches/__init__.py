"""What a machine remembers of the registry and the policy until the change feed says otherwise."""
