"""What replicates between a lab's nodes: one module per engine, all with the same face."""
