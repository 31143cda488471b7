"""Values: points, Kinds, selectors, permissions, waves, binds and commands, and the texts that write them.

Values do no I/O and know no event loop. The package imports nothing of the platform but its errors. Each of its rooms
imports from the rooms before it only: text, address and kinds, selectors, access, waves, routing, kind_defs, commands.
"""
