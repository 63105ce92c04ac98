"""What is between the console and the terminal that it runs in."""
