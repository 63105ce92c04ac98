"""A run, its steps and acts, and what a reading of the cluster says about them."""
