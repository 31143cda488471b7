"""The way of a wave: from its sender to the particle, through the gate and the bind, and back."""
