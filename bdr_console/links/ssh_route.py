"""A target's way through another host, as the links see it: the SSH behind it is not their business."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from bdr_console.links.conninfo import Words


@dataclass(frozen=True, slots=True)
class Login:
    """What an SSH host let this process in with."""

    source: str
    """`agent`, or the file of the key."""
    unattended: bool
    """Whether another process could log in without asking anybody for a passphrase."""


class SshRoute(Protocol):
    """One target's way through one SSH host."""

    def shown(self, address: str) -> str:
        """The target's address for people: `10.0.0.11:5432 via bastion`."""

    async def words(self, words: Words, deadline: float) -> Words:
        """libpq keywords that lead to the same server through the host, for one connection.

        `deadline` is in seconds. Raises NotReached.
        """

    async def stream(self, socket: str, deadline: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to a UNIX socket's path or HOST:PORT as the host sees it; raises NotReached."""

    async def command(
        self, script: str, deadline: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The output and the input of a sh script on the host; raises NotReached."""

    def why_silent(self) -> str:
        """Why the last stream ended without a byte, where the host said so; else empty."""
