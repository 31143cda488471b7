"""``hyperverse bench``: measures the speed of this computer."""
