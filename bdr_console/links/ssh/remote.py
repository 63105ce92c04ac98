"""UNIX sockets of an SSH host: forwarded by sshd itself, or by `socat` or `nc -U` where it may not."""

import re
import shlex

import paramiko

from bdr_console.cluster.text import clean
from bdr_console.links.errors import NotReached, remedy_for
from bdr_console.links.ssh.connection import SshConnection
from bdr_console.links.ssh.transport import Refused, Transport

_MOST = 4096
"""Bytes of a short command's output that are kept."""
FORWARDED = ""
"""The method without a name: sshd forwards the socket itself."""

# The words before it opens anything: a refusal of sshd tells nothing of the reason.
_LOOK = """
p={path}
if [ ! -e "$p" ]; then echo "no such file or directory"
elif [ ! -S "$p" ]; then echo "it is no socket"
elif [ ! -w "$p" ]; then echo "permission denied"
elif command -v socat >/dev/null 2>&1; then
  if said=$(socat -u /dev/null UNIX-CONNECT:{escaped} 2>&1); then echo use socat; else echo "$said"; fi
elif nc -h 2>&1 | grep -q -e '-[0-9A-Za-z]*U'; then echo use nc
else echo "no socat and no nc -U there"
fi
"""


def open_unix(connection: SshConnection, path: str, deadline: float) -> tuple[paramiko.Channel, str]:
    """A channel to a UNIX socket of the host, and what leads there: FORWARDED, `socat` or `nc`.

    What worked once is used until the connection is made anew. `deadline` is in seconds, for each step.
    Raises NotReached.
    """
    transport = connection.transport(deadline)
    method = connection.methods.get(path, FORWARDED)
    if method == FORWARDED:
        try:
            channel = transport.open_unix(path, deadline)
        except Refused:
            method = _other_method(connection, transport, path, deadline)
            connection.methods[path] = method
        else:
            connection.methods[path] = FORWARDED
            return channel, FORWARDED
    try:
        return transport.open_exec(_commands(path)[method], deadline), method
    except Refused as error:
        connection.methods.pop(path, None)
        raise NotReached(f"{connection.host.name}: {error.reason}") from None


def _other_method(connection: SshConnection, transport: Transport, path: str, deadline: float) -> str:
    name = connection.host.name
    try:
        _, said = run(transport, _LOOK.format(path=shlex.quote(path), escaped=_escaped(path)), deadline)
    except Refused:
        raise NotReached(
            f"{name} forwards no UNIX sockets and runs no commands",
            f"Allow one of the two there: AllowStreamLocalForwarding in sshd_config, or socat on {path}.",
        ) from None
    lines = said.splitlines() or ["it said nothing"]
    told = clean(lines[-1], 200)
    if told in ("use socat", "use nc"):
        return told.removeprefix("use ")
    # socat's own words: `2026/11/22 08:00:00 socat[123] E connect(5, AF=1 "/run/x", 8): Connection refused`
    reason = re.sub(r"^.*socat\[\d+\] [A-Z] (connect\(.*?\)+: )?", "", told).lower()
    remedy = remedy_for(reason)
    if "no socat" in reason:
        remedy = f"Install socat on {name}, or allow AllowStreamLocalForwarding in its sshd_config."
    raise NotReached(f"{name}: {path}: {reason}", remedy)


def _escaped(path: str) -> str:
    r"""For socat, to whom `:`, `,`, `!`, quotes and brackets in an address mean something else."""
    return shlex.quote(re.sub(r"([\\:,!'\"(){}\[\]])", r"\\\1", path))


def _commands(path: str) -> dict[str, str]:
    # -t: how long socat stays once HAProxy has closed its end; half a second by default.
    return {
        "socat": _sh(f"exec socat -t0.05 - UNIX-CONNECT:{_escaped(path)}"),
        "nc": _sh(f"exec nc -U {shlex.quote(path)}"),
    }


def open_command(connection: SshConnection, script: str, deadline: float) -> paramiko.Channel:
    """A channel with the input and the output of a sh script on the host; raises NotReached."""
    try:
        return connection.transport(deadline).open_exec(_sh(script), deadline)
    except Refused as error:
        raise NotReached(f"{connection.host.name}: {error.reason}") from None


def _sh(script: str) -> str:
    """For whatever shell the user has there, which may be none of Bourne's."""
    return f"sh -c {shlex.quote(script)}"


def run(transport: Transport, script: str, deadline: float) -> tuple[int, str]:
    """A short sh script on the host: its exit code and its output, the first 4 KiB of each.

    Raises Refused when the host runs none, NotReached when it does not answer in time.
    """
    channel = transport.open_exec(_sh(script), deadline)
    channel.settimeout(deadline)
    try:
        channel.shutdown_write()
        said = b""
        while len(said) < _MOST and (piece := channel.recv(_MOST)):
            said += piece
        channel.status_event.wait(deadline)
        code = channel.recv_exit_status() if channel.exit_status_ready() else -1
    except (TimeoutError, OSError):
        raise NotReached(f"a command on the SSH host did not end within {deadline:.1f} s") from None
    finally:
        channel.close()
    return code, said.decode("utf-8", "backslashreplace")
