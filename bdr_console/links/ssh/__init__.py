"""Servers behind SSH: one connection per host, shared by its targets; all of it in threads of its own.

Nothing here opens a local TCP port. A target is reached through a socket pair, or, where libpq wants a path,
through a UNIX socket in a private directory that takes one connection from this process and is gone.
"""
