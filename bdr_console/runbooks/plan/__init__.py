"""From what is seen to a plan: how the clients move, and every command. Pure."""

__all__ = ["printable_plan"]
"""The modules that other rooms may use."""
