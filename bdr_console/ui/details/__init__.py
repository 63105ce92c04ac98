"""Everything known about one thing, as text: one module for each kind of thing."""
