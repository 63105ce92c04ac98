"""What the screens say, as plain data and text, before any widget comes into it. Pure."""
