"""Themes, styles, and the last look at every line before it is sent."""
