"""`python -m bdr_console`."""

from bdr_console.cli import main

main()
