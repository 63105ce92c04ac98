"""The lab of one bench: gone with it, however the bench ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab, temporary

_SCRATCH = Path("/var/tmp")
_NAME = "bdr-bench-"


@contextmanager
def bench_lab(engine: str = "bdr3") -> Iterator[Lab]:
    """A lab for as long as the block runs. What benches that were killed (SIGKILL) have left goes first."""
    for left in _SCRATCH.glob(f"{_NAME}*"):
        if not Path(f"/proc/{left.name.removeprefix(_NAME)}").exists():
            with suppress(ConsoleError):
                Lab.load(left).down()
    with temporary(_SCRATCH / f"{_NAME}{os.getpid()}", engine=engine) as lab:
        yield lab
