"""What every engine reads the same way: the server itself and its sessions."""
