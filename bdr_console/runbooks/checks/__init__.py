"""The preflight, one file for each subject. Pure."""

__all__ = ["preflight"]
"""The modules that other rooms may use."""
