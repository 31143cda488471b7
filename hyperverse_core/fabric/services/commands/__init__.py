"""The commands at work: each is carried out in the name of an agent, and those about many particles go in slices."""
