"""The stars of this machine, how they are linked, and the ways between stars."""
