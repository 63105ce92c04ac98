"""A run, its steps and acts, and what a reading of the cluster says about them."""

__all__ = ["plan_id", "reading_queries", "run", "step"]
"""The modules that other rooms may use."""
