"""What the console costs: first paint, processor, memory, bytes to the terminal, and the answer to a key."""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import click

from bdr_console.lab import Lab, up
from script.benches.terminal import Terminal

# What the bare program shows first, what it shows once data are there, and the key that opens the help.
FRAME, DATA, HELP = b"Nodes", b"in step", b"esc closes"


def console(config: Path, columns: int, lines: int) -> Terminal:
    """The installed program, as a user starts it."""
    program = str(Path(sys.executable).parent / "bdr-console")
    return Terminal([program, "--config", str(config)], columns, lines)


def paints(config: Path, columns: int, lines: int, rounds: int) -> None:
    """Times from start to the frame and to the first figures."""
    frames, figures = [], []
    for _ in range(rounds):
        terminal = console(config, columns, lines)
        frames.append(terminal.until(FRAME) - terminal.began)
        figures.append(terminal.until(DATA) - terminal.began)
        terminal.close()
    click.echo(f"first paint of the frame       {statistics.median(frames):6.2f} s   (median of {rounds})")
    click.echo(f"first useful paint (figures)   {statistics.median(figures):6.2f} s   (aim: < 1 s)")


def cost(terminal: Terminal, seconds: float) -> None:
    """Processor, memory and bytes while nobody touches a key."""
    before = terminal.usage()
    sent = terminal.drain(seconds)
    after = terminal.usage()
    share = (after.cpu - before.cpu) / seconds
    click.echo(f"processor at rest              {share:6.1%}     (aim: < 10 % of a core)")
    click.echo(f"memory                         {after.rss / 1024**2:6.1f} MiB (aim: < 90 MiB)")
    click.echo(f"to the terminal                {sent / seconds / 1024:6.1f} KiB/s")


def keys(terminal: Terminal, presses: int, name: str) -> None:
    """From a key press to the arrival of its picture, in milliseconds."""
    answers = []
    for _ in range(presses):
        terminal.drain(0.1)
        pressed = time.perf_counter()
        terminal.write(b"?")
        answers.append((terminal.until(HELP) - pressed) * 1000)
        terminal.write(b"\x1b")
        terminal.drain(0.4)
    answers.sort()
    worst = answers[min(len(answers) - 1, int(len(answers) * 0.99))]
    click.echo(
        f"key to picture, {name:<14} {statistics.median(answers):6.0f} ms  "
        f"(median; p99 {worst:.0f} ms; aim: < 100 ms)"
    )


@click.command()
@click.option("--seconds", default=20.0, help="How long the cost at rest is watched.")
@click.option("--presses", default=20, help="Key presses in each state.")
@click.option("--rounds", default=5, help="Starts for the first paint.")
@click.option("--size", default="140x40", help="Columns x lines of the terminal.")
def main(seconds: float, presses: int, rounds: int, size: str) -> None:
    """Measure the console on a three-node lab under load."""
    columns, lines = (int(part) for part in size.split("x"))
    with tempfile.TemporaryDirectory() as state:
        os.environ["BDR_CONSOLE_STATE"] = state
        lab: Lab = up(Path(f"/var/tmp/bdr-bench-{os.getpid()}"))
        try:
            lab.start_load(clients=16, rate=200)
            click.echo(f"bdr-console on a three-node lab, 16 clients at 200/s, {size}, refresh 1 s")
            paints(lab.config, columns, lines, rounds)
            terminal = console(lab.config, columns, lines)
            terminal.until(DATA)
            terminal.drain(3)
            cost(terminal, seconds)
            keys(terminal, presses, "all well")
            lab.break_("freeze", "node3")
            terminal.drain(4)
            keys(terminal, presses, "a node frozen")
            terminal.close()
        finally:
            lab.down()


if __name__ == "__main__":
    main()
