"""The pause of the clients: its deadline and its watchdogs."""
