"""What is known of a cluster: frozen data. verdict/ judges them. Imports nothing else of ours."""
