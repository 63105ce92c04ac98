"""The README's pictures: the console on a real lab under load, and a switchover that waits for a client."""

import asyncio
import os
import tempfile
import time
from pathlib import Path

import click

from bdr_console.config import load
from bdr_console.lab import Lab, up
from bdr_console.monitor import Monitor
from bdr_console.runbooks import launch
from bdr_console.ui.monitored import JournalDesk, MonitoredCluster, RunbookDesk
from bdr_console.ui.screenshot import svg

DOCS = Path(__file__).parents[2] / "docs"


def picture(lab: Lab, name: str, *, settle: float, keys: tuple[str, ...] = ()) -> None:
    """One picture of 140x40, written to docs/."""
    cluster, settings = load(lab.config).cluster(None)
    source = MonitoredCluster(lambda: Monitor(cluster, settings, 1.0))
    drawn = svg(
        source,
        cluster=cluster,
        environment=settings.environment,
        runs=JournalDesk(cluster),
        acts=RunbookDesk(lab.config, cluster, settings),
        settle=settle,
        keys=keys,
    )
    (DOCS / f"{name}.svg").write_text(asyncio.run(drawn), encoding="utf-8")
    click.echo(f"docs/{name}.svg")


def main() -> None:
    """Bring a lab up, picture it, and take it down."""
    with tempfile.TemporaryDirectory() as state:
        os.environ["BDR_CONSOLE_STATE"] = state
        lab = up(Path(f"/var/tmp/bdr-pictures-{os.getpid()}"))
        try:
            lab.start_load(clients=16, rate=200)
            lab.break_("pause-apply", "node2:node3")
            picture(lab, "console", settle=25)
            lab.mend("pause-apply", "node2:node3")
            lab.mend_all()
            lab.break_("hold-transaction")
            time.sleep(8)  # old enough that the picture shows an age
            run = launch.start(lab.config, "lab", "node1", "kernel update", mode="gradual")
            picture(lab, "switchover", settle=6, keys=("w",))
            asyncio.run(launch.send(run, "abort"))
            follower = launch.follow(run)
            while (view := follower.poll()) is None or not view.status.over:
                time.sleep(0.1)
        finally:
            lab.down()


if __name__ == "__main__":
    main()
