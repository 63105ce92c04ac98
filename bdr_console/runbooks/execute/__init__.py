"""Running a plan: engine, walk-back, runner process, resume."""

__all__ = [
    "hold_command",
    "intervene",
    "launch",
    "preview",
    "resume",
    "rolling_plan",
    "run_inspection",
    "target_queries",
    "unattended",
]
"""The modules that other rooms may use."""
