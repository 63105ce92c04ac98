"""From a subject to its details: which module tells of which kind. Pure."""

from collections.abc import Callable

from bdr_console.ui.details.block import Block
from bdr_console.ui.details.conflict import conflict_blocks
from bdr_console.ui.details.event import event_blocks
from bdr_console.ui.details.link import link_blocks
from bdr_console.ui.details.node import node_blocks
from bdr_console.ui.details.pool import pool_blocks
from bdr_console.ui.details.server import server_blocks
from bdr_console.ui.moment import Moment
from bdr_console.ui.subject import Kind, Subject

_TELLS: dict[Kind, Callable[[tuple[str, ...], Moment, int], tuple[Block, ...]]] = {
    Kind.NODE: node_blocks,
    Kind.LINK: link_blocks,
    Kind.SERVER: server_blocks,
    Kind.POOL: pool_blocks,
    Kind.CONFLICT: conflict_blocks,
    Kind.EVENT: event_blocks,
}


def blocks_about(subject: Subject, moment: Moment, width: int) -> tuple[Block, ...]:
    """Everything known about `subject` at that moment; drawings are made for `width` cells."""
    return _TELLS[subject.kind](subject.key, moment, width)
