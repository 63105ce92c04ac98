"""The pause of the clients: its deadline and its watchdogs."""

__all__: list[str] = []
"""No other room uses it."""
