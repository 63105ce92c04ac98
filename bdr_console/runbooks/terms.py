"""The words for how clients are moved. What they mean and cost is in modes.py; the screen needs no more."""

MODES = ("auto", "quiesce", "gradual")
DEFAULT_MODE = "auto"
"""Quiesce where nothing speaks against it; else the operator chooses, because each choice costs something."""
SESSION_POOLS = ("wait", "fast-close")
