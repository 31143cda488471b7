"""The stars of this machine, their links, and the routes between stars."""
