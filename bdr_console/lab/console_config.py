"""The console's configuration for a lab."""

import yaml

from bdr_console import config
from bdr_console.lab import bucardo, haproxy
from bdr_console.lab.layout import Layout


def write(layout: Layout) -> None:
    """Write `config.yaml` and read it back: a lab never hands out a configuration that does not load."""
    cluster = {
        "environment": layout.environment,
        "nodes": {
            node.name: {"dsn": layout.dsn(node.port, "bdr_console"), "server": node.server}
            for node in layout.nodes
        }
        | (
            {layout.control.name: {"dsn": layout.dsn(layout.control.port, "bdr_console", bucardo.DATABASE)}}
            if layout.control
            else {}
        ),
        "proxies": {
            proxy.name: {
                "socket": str(layout.socket(proxy.name)),
                "backends": [haproxy.BACKEND],
                "listen": [f"127.0.0.1:{proxy.port}"],
                "config_file": str(haproxy.configuration_file(layout, proxy.name)),
            }
            for proxy in layout.proxies
        },
        "poolers": {
            pooler.name: {
                # without a database: the console always connects to `pgbouncer`
                "dsn": f"host=127.0.0.1 port={pooler.port} user=bdr_console"
                f" passfile={layout.console_passfile}"
            }
            for pooler in layout.poolers
        },
    }
    text = yaml.safe_dump({"clusters": {"lab": cluster}}, sort_keys=False, width=200)
    layout.account.write(layout.config, "# Written by bdr-console lab up.\n" + text)
    config.load(layout.config)
