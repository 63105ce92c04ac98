"""Guided changes: the step engine, its journal, its runner process, and one file per runbook."""
