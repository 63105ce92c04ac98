"""What is known of a cluster: frozen data, and pure judgement over them. Imports nothing else of ours."""
