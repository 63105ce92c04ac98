"""From what is seen to a plan: how the clients move, and every command. Pure."""
