"""What is kept on disk of a cluster's story."""
