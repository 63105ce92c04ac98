"""Fuzz every parser for a while, each in a process of its own, and print what came of it."""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from tests.hostile.inputs import PIECES, inputs

_MEMORY = 2048
"""MiB that a parser may take before it counts as crashed."""
_SLOWEST = 20
"""Seconds for one input before it counts as crashed."""


def _with_atheris(name: str, corpus: Path, seconds: float) -> None:
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

    with atheris.instrument_imports(include=["bdr_console", "yaml"]):  # what is imported here first
        from tests.hostile.targets import TARGETS
    target = TARGETS[name]
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed{number}").write_bytes(seed)
    words = corpus.parent / "words"
    escaped = ("".join(f"\\x{byte:02x}" for byte in piece) for piece in PIECES if len(piece) < 60)
    words.write_text("".join(f'"{piece}"\n' for piece in escaped))
    options = (
        f"-max_total_time={seconds:.0f}",
        "-max_len=20000",
        f"-timeout={_SLOWEST}",
        f"-rss_limit_mb={_MEMORY}",
        f"-dict={words}",
        f"-artifact_prefix={corpus.parent}/",
    )
    atheris.Setup([sys.argv[0], *options, str(corpus)], target.run)
    atheris.Fuzz()


def _with_hypothesis(name: str, seconds: float) -> None:
    from hypothesis import HealthCheck, Phase, given, settings

    from tests.hostile.targets import TARGETS

    target, tried, until = TARGETS[name], 0, time.monotonic() + seconds

    @settings(
        max_examples=10_000,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(data=inputs(target.seeds))
    def one(data: bytes) -> None:
        nonlocal tried
        if time.monotonic() < until:
            target.run(data)
            tried += 1

    while time.monotonic() < until:
        one()
    print(f"Done {tried} runs", file=sys.stderr)


def _atheris() -> bool:
    try:
        import atheris  # noqa: F401
    except ImportError:
        return False
    return True


@click.command()
@click.option("--seconds", default=20.0, help="How long each parser is tried.")
@click.option("--only", metavar="NAME", help="One parser alone.")
@click.option("--child", hidden=True)
@click.option("--hypothesis", "plain", is_flag=True, help="Without atheris, also where it is there.")
def main(seconds: float, only: str | None, child: str | None, *, plain: bool) -> None:
    """Fuzz the parsers."""
    guided = _atheris() and not plain
    if child:
        if guided:
            with tempfile.TemporaryDirectory() as scratch:
                (corpus := Path(scratch) / "corpus").mkdir()
                _with_atheris(child, corpus, seconds)
        else:
            _with_hypothesis(child, seconds)
        return
    from tests.hostile.targets import TARGETS

    click.echo(f"{'parser':<28} {'inputs':>9} {'crashes':>8}   ({'atheris' if guided else 'hypothesis'})")
    crashes = 0
    for name in [only] if only else TARGETS:
        command = [sys.executable, "-m", "script.fuzzing", "--child", name, "--seconds", str(seconds)]
        done = subprocess.run(
            [*command, *(["--hypothesis"] if plain else [])],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
        runs = re.findall(r"(?:Done |stat::number_of_executed_units: |^#)(\d+)", done.stderr, re.MULTILINE)
        crashed = done.returncode != 0
        crashes += crashed
        click.echo(f"{name:<28} {max(map(int, runs), default=0):>9} {int(crashed):>8}")
        if crashed:
            click.echo("\n".join([*done.stdout.splitlines()[-15:], *done.stderr.splitlines()[-3:]]))
    sys.exit(1 if crashes else 0)


if __name__ == "__main__":
    main()
