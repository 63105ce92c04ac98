"""What a screen costs: first paint, processor, memory, bytes to the terminal, and the answer to a key.

Side by side in one run, on the same lab: bdr-console, pg_activity (which looks at one node) where it can be
had, and a bare Textual program that reads and shows the same tables. Then bdr-console on made-up clusters of
3 and of 50 nodes with 200 HAProxy servers and 20 PgBouncers.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import click

from script.benches.labs import bench_lab
from script.benches.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Program:
    """How to start it, and what is on its screen when."""

    name: str
    command: tuple[str, ...]
    frame: bytes | None
    """In the first picture; None where that holds figures already."""
    figures: bytes
    """On the screen once data are there."""
    help_key: bytes
    help_text: bytes
    """On the screen once the help is open."""
    back_key: bytes
    moves: tuple[tuple[bytes, bytes], tuple[bytes, bytes]] | None = None
    """A key that moves the cursor down, with what is on the screen then only, and the same for up."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one program; seconds, share of a core, MiB, KiB/s, milliseconds."""

    frame_s: float | None
    figures_s: float
    processor: float
    memory_mib: float
    kib_per_s: float
    key: "Answers"
    move: "Answers | None"
    key_frozen: "Answers | None" = None
    move_frozen: "Answers | None" = None

    def figure(self, name: str) -> float | None:
        """`memory_mib`, or one of two of an answer: `key.p99`."""
        first, _, part = name.partition(".")
        value = getattr(self, first)
        found: float | None = getattr(value, part) if part and value is not None else value
        return found


@dataclass(frozen=True, slots=True)
class Answers:
    """How long pictures took after their keys, in milliseconds."""

    median: float
    p99: float

    @classmethod
    def of(cls, taken: list[float]) -> "Answers":
        """Of at least one."""
        taken = sorted(taken)
        return cls(statistics.median(taken), taken[min(len(taken) - 1, int(len(taken) * 0.99))])


_LINES: tuple[tuple[str, str, str, str], ...] = (
    ("frame_s", "first paint of the frame", "{:.2f} s", "<= 0.8 s"),
    ("figures_s", "first figures", "{:.2f} s", ""),
    ("processor", "processor", "{:.1%}", "<= 5 % of a core"),
    ("memory_mib", "memory", "{:.0f} MiB", ""),
    ("kib_per_s", "to the terminal", "{:.1f} KiB/s", "<= 10"),
    ("key.median", "help key to picture, median", "{:.0f} ms", ""),
    ("key.p99", "  p99", "{:.0f} ms", "< 100 ms"),
    ("key_frozen.median", "  a node frozen, median", "{:.0f} ms", ""),
    ("key_frozen.p99", "  a node frozen, p99", "{:.0f} ms", "< 100 ms"),
    ("move.median", "cursor move, median", "{:.0f} ms", ""),
    ("move.p99", "  p99", "{:.0f} ms", "< 100 ms"),
    ("move_frozen.median", "  a node frozen, median", "{:.0f} ms", ""),
    ("move_frozen.p99", "  a node frozen, p99", "{:.0f} ms", "< 100 ms"),
)


_MOVES = ((b"j", b"node2 ("), (b"k", b"node1 ("))
"""In the pane of nodes, which has the keys at first; the line below the panes tells the row."""


def console(config: Path) -> Program:
    """The installed program, as a user starts it."""
    program = str(Path(sys.executable).parent / "bdr-console")
    return Program(
        "bdr-console",
        (program, "--config", str(config)),
        b"Nodes",
        b"in step",
        b"?",
        b"esc closes",
        b"\x1b",
        _MOVES,
    )


def bare(config: Path) -> Program:
    """Textual and nothing else around the same tables."""
    command = (sys.executable, "-m", "script.benches.bare", str(config))
    return Program("bare Textual", command, None, b"in step", b"?", b"esc closes", b"\x1b")


def simulated(nodes: int, servers: int, poolers: int, *, silent: int = 0) -> Program:
    """The console on a made-up cluster."""
    options = {"nodes": nodes, "servers": servers, "poolers": poolers, "silent": silent}
    told = (word for name, count in options.items() for word in (f"--{name}", str(count)))
    command = (sys.executable, "-m", "script.benches.simulated", *told)
    up = "● up".encode()  # the worst links are listed first: of silent nodes none in sight is in step
    return Program(f"{nodes} nodes", command, b"Nodes", up, b"?", b"esc closes", b"\x1b", _MOVES)


def pg_activity(dsn: str, scratch: Path) -> Program | None:
    """The one that is installed, or one installed for this run only; None where neither can be had."""
    found = shutil.which("pg_activity")
    if found is None:
        home = scratch / "pg_activity"
        try:
            venv.create(home, with_pip=True)
            pip = [str(home / "bin/pip"), "install", "--quiet", "pg_activity[psycopg]"]
            subprocess.run(pip, check=True, timeout=180, capture_output=True)
        except (OSError, subprocess.SubprocessError):
            return None
        found = str(home / "bin/pg_activity")
    return Program(
        "pg_activity", (found, "--refresh", "1", dsn), None, b"Sessions", b"h", b"Press any key", b" "
    )


class Bench:
    """One way to measure them all."""

    def __init__(self, columns: int, lines: int, seconds: float, presses: int, rounds: int) -> None:
        self._size = (columns, lines)
        self._seconds, self._presses, self._rounds = seconds, presses, rounds

    def measure(
        self, program: Program, freeze: Callable[[], None] | None, mend: Callable[[], None]
    ) -> Figures:
        """Every figure of one program; `freeze` stops a node in the middle of it, `mend` lets it go on."""
        frames, figures = [], []
        for _ in range(self._rounds):
            terminal = Terminal(program.command, *self._size)
            if program.frame is not None:
                frames.append(terminal.until(program.frame) - terminal.began)
            figures.append(terminal.until(program.figures) - terminal.began)
            terminal.close()
        terminal = Terminal(program.command, *self._size)
        terminal.until(program.figures)
        terminal.drain(3)
        before = terminal.usage()
        sent = terminal.drain(self._seconds)
        after = terminal.usage()
        key, move = self._keys(terminal, program), self._moves(terminal, program)
        key_frozen = move_frozen = None
        if freeze is not None:
            freeze()
            try:
                terminal.drain(4)
                key_frozen, move_frozen = self._keys(terminal, program), self._moves(terminal, program)
            finally:
                mend()
        terminal.close()
        return Figures(
            statistics.median(frames) if frames else None,
            statistics.median(figures),
            (after.cpu - before.cpu) / self._seconds,
            after.rss / 1024**2,
            sent / self._seconds / 1024,
            key,
            move,
            key_frozen,
            move_frozen,
        )

    def _keys(self, terminal: Terminal, program: Program) -> Answers:
        """From the key of the help to the arrival of its picture."""
        answers = []
        for number in range(self._presses):
            answers.append(self._press(terminal, number, program.help_key, program.help_text))
            terminal.write(program.back_key)
            terminal.drain(0.4)
        return Answers.of(answers)

    def _moves(self, terminal: Terminal, program: Program) -> Answers | None:
        """From a key that moves the cursor, down and up by turns, to the arrival of what it stands on."""
        if program.moves is None:
            return None
        return Answers.of(
            [
                self._press(terminal, number, *program.moves[number % 2])
                for number in range(self._presses // 2 * 2)
            ]
        )

    def _press(self, terminal: Terminal, number: int, key: bytes, text: bytes) -> float:
        terminal.drain(0.31 + number % 7 / 10)  # now here, now there between two refreshes
        pressed = perf_counter()
        terminal.write(key)
        return (terminal.until(text) - pressed) * 1000


def table(title: str, results: dict[str, Figures]) -> None:
    """One column for each program, the others' as ratios to the first too."""
    click.echo(f"\n{title}")
    click.echo(f"{'':<30}" + "".join(f"{name:>22}" for name in results) + "  aim")
    first = next(iter(results.values()))
    for name, said, form, aim in _LINES:
        cells = [
            _cell(one.figure(name), first.figure(name), form, first=one is first) for one in results.values()
        ]
        if any(cells):
            click.echo(f"{said:<30}" + "".join(f"{cell:>22}" for cell in cells) + f"  {aim}")


def _cell(value: float | None, of: float | None, form: str, *, first: bool) -> str:
    if value is None:
        return ""
    ratio = "" if first or not of else f" (x{value / of:.1f})"
    return form.format(value) + ratio


def on_the_lab(bench: Bench, scratch: Path) -> dict[str, Figures]:
    """Every program on one three-node lab under load."""
    with bench_lab() as lab:
        lab.start_load(clients=16, rate=200)
        programs: Iterable[Program | None] = (
            console(lab.config),
            pg_activity(lab.layout.dsn(lab.layout.nodes[0].port), scratch),
            bare(lab.config),
        )
        results = {}
        for program in programs:
            if program is None:
                click.echo("pg_activity: not on this machine, and not to be installed", err=True)
                continue
            results[program.name] = bench.measure(
                program, lambda: lab.break_("freeze", "node3"), lambda: lab.mend("freeze", "node3")
            )
        return results


@click.command()
@click.option("--seconds", default=20.0, help="How long the cost at rest is watched.")
@click.option("--presses", default=30, help="Key presses in each state.")
@click.option("--rounds", default=5, help="Starts for the first paint.")
@click.option("--size", default="140x40", help="Columns x lines of the terminal.")
@click.option("--only", type=click.Choice(("lab", "simulated")), help="One of the two tables.")
def main(seconds: float, presses: int, rounds: int, size: str, only: str | None) -> None:
    """Measure screens on a three-node lab under load, and the console on made-up clusters."""
    columns, lines = (int(part) for part in size.split("x"))
    bench = Bench(columns, lines, seconds, presses, rounds)
    few = f"; p99 is the slowest of {presses} keys" if presses < 100 else ""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["BDR_CONSOLE_STATE"] = str(Path(scratch) / "state")
        if only != "simulated":
            results = on_the_lab(bench, Path(scratch))
            table(f"On a three-node lab, 16 clients at 200/s, {size}, refresh 1 s{few}", results)
        if only != "lab":
            made = {
                f"{name}": bench.measure(program, None, lambda: None)
                for name, program in {
                    "3 nodes": simulated(3, 3, 2),
                    "50 nodes": simulated(50, 200, 20),
                    "50, 5 of them silent": simulated(50, 200, 20, silent=5),
                }.items()
            }
            table(f"Made up, one figure in ten new each second, {size}{few}", made)


if __name__ == "__main__":
    main()
