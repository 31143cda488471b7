"""Values: points, Kinds, selectors, permissions, waves, binds and commands, and the texts that write them.

Values do no I/O and know no event loop. The package imports nothing of the platform but its errors. Its rooms, each of
which imports from those before it only: text, address and kinds, selectors, access, waves, routing, kind_defs, commands.
"""
