"""The runtime: how a wave travels."""
