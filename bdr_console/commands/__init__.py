"""The command line: one module for each verb, listed in `cli.py`. Data is on stdout, narration on stderr."""
