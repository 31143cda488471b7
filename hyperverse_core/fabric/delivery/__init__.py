"""A wave's way: from its sender to the particle, through the gate and the bind, and back."""
