"""What listens at the two ends of a wave. It costs one test of an empty tuple where nobody does."""
