"""The words for how clients are moved. What they mean and cost is in modes.py; the screen needs no more."""

MODES = ("auto", "quiesce", "gradual")
DEFAULT_MODE = "auto"
"""Quiesce where nothing speaks against it; else the operator chooses, because each choice costs something."""
SESSION_POOLS = ("wait", "fast-close")
SWITCHOVER, ISOLATE = "switchover", "isolate"
"""The runbooks for one node: one that lives goes out of service and back, one that is dead is cut off."""
