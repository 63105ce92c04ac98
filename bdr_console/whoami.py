"""Who sits at this console, as journals, locks and acknowledgements name them."""

import os
import pwd
import socket


def who() -> str:
    """user@host, the sudo user where there is one, and where the SSH session came from."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    sudo = os.environ.get("SUDO_USER")
    named = f"{sudo} as {user}" if sudo and sudo != user else user
    client = (os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_CLIENT", "")).split(" ")[0]
    return f"{named}@{socket.gethostname()}" + (f" from {client}" if client else "")
