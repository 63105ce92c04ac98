"""Writing a first configuration: find the nodes from one of them, then what stands in front of them."""
