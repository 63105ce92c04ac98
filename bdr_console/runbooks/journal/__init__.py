"""The journal of a run: written, read, and what follows from it."""
