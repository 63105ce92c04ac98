"""Running a plan: engine, walk-back, runner process, resume."""
