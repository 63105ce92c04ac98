"""Asking for the passphrases of SSH keys, before the screen covers the terminal or a command begins."""

import contextlib
import getpass
import queue
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import click

from bdr_console.config import ClusterSettings

_PATIENCE = 60.0
"""Seconds that a host may take to let us in, beside the time that answers take."""


@contextlib.contextmanager
def keys_unlocked(*clusters: ClusterSettings) -> Iterator[None]:
    """While this holds, the SSH hosts of the clusters are connected whose keys a passphrase locks.

    Asks on the terminal, each passphrase once; what is unlocked stays in this process's memory. Where no
    key is locked, or nobody sits at a terminal, it does nothing: the targets say themselves what is missing.
    """
    if not any(settings.ssh_hosts for settings in clusters) or not sys.stdin.isatty():
        yield
        return
    # paramiko is slow to import, and a cluster without SSH does not need it
    from bdr_console.links.ssh import pool
    from bdr_console.links.ssh.hosts import resolve
    from bdr_console.links.ssh.keys import locked_keys

    found = (resolve(name, settings.ssh) for settings in clusters for name in settings.ssh_hosts)
    hosts = list(dict.fromkeys(found))
    asked = [host for host in hosts if any(map(locked_keys, host.chain))]
    connections = [pool.take(host) for host in asked]
    questions: queue.Queue[tuple[str, Future[str | None]] | None] = queue.Queue()

    def ask(question: str) -> str | None:
        answer: Future[str | None] = Future()
        questions.put((question, answer))
        return answer.result()

    def connect() -> None:
        for connection in connections:
            with contextlib.suppress(Exception):  # its targets will say what is wrong
                connection.transport(_PATIENCE)
        questions.put(None)

    try:
        if connections:
            pool.RING.ask = ask
            threading.Thread(target=connect, name="unlock ssh keys", daemon=True).start()
            while (asking := questions.get()) is not None:
                question, answer = asking
                answer.set_result(_answer(question))
            pool.RING.ask = None
        yield
    finally:
        pool.RING.ask = None
        for connection in connections:
            pool.let_go(connection)


def _answer(question: str) -> str | None:
    """What was typed; None for nothing. getpass talks to the terminal itself, whatever stdout is."""
    try:
        return getpass.getpass(f"{question}: ") or None
    except EOFError:
        click.echo(err=True)
        return None
