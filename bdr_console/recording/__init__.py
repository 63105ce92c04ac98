"""Recordings: what a cluster showed, kept in a file or in memory, and read back. No screen, no server.

A recording is a row of gzip members, so `zcat FILE` shows it as JSON lines. `frames.py` says how they follow
each other, `records.py` what the lines hold, `recorder.py` who writes them, `reader.py` how they are read.
"""
