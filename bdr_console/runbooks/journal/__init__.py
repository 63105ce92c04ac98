"""The journal of a run: written, read, and what follows from it."""

__all__ = [
    "abandoned_runs",
    "events",
    "journal_file",
    "report",
    "run_event_stream",
    "run_from_journal",
    "run_text",
]
"""The modules that other rooms may use."""
