"""The panes and the other parts of the screen, one file each."""
