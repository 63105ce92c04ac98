"""The screen: shows snapshots and runs, sends the operator's words. It asks no server anything itself."""
