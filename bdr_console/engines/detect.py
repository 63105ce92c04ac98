"""Which engine a node runs, from one look at its catalogs."""

from collections.abc import Sequence
from pathlib import Path

from bdr_console.engines import bdr1, bdr3, bucardo, native, pgactive, pglogical, plain, recognised, spock
from bdr_console.engines.core.statements import statement
from bdr_console.engines.engine import Identity, Kind

DETECT = statement(Path(__file__).parent / "core", "detect", 0)

KINDS: Sequence[Kind] = (
    bdr1.KIND,
    bdr3.KIND,
    pgactive.KIND,
    spock.KIND,
    pglogical.KIND,
    bucardo.KIND,
    *recognised.KINDS,
    native.KIND,
    plain.KIND,
)
"""The first that matches is it: BDR 3 brings pglogical along, and any node is a plain PostgreSQL at last."""


def kind_of(found: Identity, wanted: str | None = None) -> Kind:
    """The kind of that identity, or the one that the configuration names by its word."""
    if wanted is not None:
        return next(kind for kind in KINDS if kind.word == wanted)
    return next(kind for kind in KINDS if kind.matches(found))
