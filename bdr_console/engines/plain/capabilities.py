"""What can be done to a PostgreSQL that is in no group: wait for those who read its slots."""

from collections.abc import Iterable

from bdr_console.engines.capability import Act, Capability, Unavailable, Version
from bdr_console.engines.native.capabilities import WAIT_CONFIRMED


def capabilities(version: Version) -> Iterable[Capability | Unavailable]:
    """Of any PostgreSQL; slots tell what was confirmed from 9.6 on, and which are temporary from 10 on."""
    if version >= (10,):
        yield WAIT_CONFIRMED
    else:
        yield Unavailable(Act.WAIT_CONFIRMED, "PostgreSQL before 10 does not tell it reliably")
    for act in Act:
        if act is not Act.WAIT_CONFIRMED:
            yield Unavailable(act, "this is no member of a replication group")
