"""The screens: the overview, a plan, a run, the help, and the small questions."""
