"""The preflight, one file for each subject. Pure."""
