# ruff: noqa: E501 - the table has one file a row
"""Every mistake in a configuration is named with its place, its key and what was expected there."""

from pathlib import Path

import pytest

from bdr_console.config import ConfigurationError, read
from tests.config.files import GOOD, write

NODE = "clusters:\n  shop:\n    nodes:\n      n1:\n"
"""Four lines; the keys of a node follow with eight blanks."""
SHOP = NODE + "        dsn: host=a\n"
"""Five lines; the keys of a cluster follow with four blanks."""

BROKEN: dict[str, tuple[str | bytes, list[str]]] = {
    # what YAML itself says
    "empty file": ("", ["config.yaml: is empty"]),
    "comments only": ("# nothing\n", ["config.yaml: is empty"]),
    "a sentence": ("just a sentence", [":1:1: must be a section: keys with values"]),
    "a list": ("- clusters\n", [":1:1: must be a section: keys with values"]),
    "a list left open": ("clusters: [", [":1:12: the file ends where a value, a ']' or a '}' is missing"]),
    "a quote left open": ("theme: 'dark\nclusters: {}\n", [":3:1: the file ends inside a quoted text"]),
    "a tab": ("clusters:\n\tshop: {}\n", [":2:1: a tab stands here: YAML wants blanks for indentation"]),
    "wrong indentation": ("clusters:\n  shop:\n    nodes: {}\n   proxies: {}\n", [":4:4: this line is indented otherwise than those above it"]),
    "two colons": ("theme: dark: light\n", [":1:12: a ':' where none can stand: check the indentation, or quote the text"]),
    "no colon": (GOOD + "\nrefresh\n", [":3:1: this key has no ':' after it"]),
    "two documents": (GOOD + "\n---\n" + GOOD, [":2:1: a second document begins here: one file holds one"]),
    "unknown anchor": ("clusters: *shop\n", [":1:11: found undefined alias 'shop'"]),
    "a YAML tag": ("theme: !!python/name:os.system x\n" + GOOD, [":1:8: a YAML tag that a configuration does not use"]),
    "a control character": (GOOD + "\x07", [":1:47: the control character 0x07 may not stand in a YAML file"]),
    "an escaped control character": ('theme: "a\\0b"\n' + GOOD, [":1:8: theme: holds a control character"]),
    "Latin-1": (GOOD.encode() + b"\n# gr\xfc\xdfe\n", [":2:5: the byte 0xfc is not UTF-8 text: save the file as UTF-8"]),
    "UTF-16": (GOOD.encode("utf-16"), [":1:1: the byte 0xff is not UTF-8 text: save the file as UTF-8"]),
    "too large": (b"#" * 1024 * 1024 + b"#", ["config.yaml: is larger than 1 MiB: this is no configuration"]),
    "nested too deeply": ("[" * 5000, ["config.yaml: is nested too deeply to be a configuration"]),
    "a date that is none": ("theme: 2026-13-45\n" + GOOD, [":1:8: theme: looks like a YAML timestamp and is none: put it in quotes"]),
    "a tag that does not fit": ("theme: !!bool dark\n" + GOOD, [":1:8: theme: looks like a YAML bool and is none: put it in quotes"]),
    "a tag on a key": ("!!int theme: dark\n" + GOOD, [":1:1: theme: looks like a YAML int and is none: put it in quotes"]),
    # keys
    "a key twice": (NODE + "        dsn: host=a\n        dsn: host=b\n", [":6:9: clusters.shop.nodes.n1.dsn: stands twice, first in line 5"]),
    "a node twice": (SHOP + "      n1: {dsn: host=b}\n", [":6:7: clusters.shop.nodes.n1: stands twice, first in line 4"]),
    "a misspelt key": (NODE + "        dns: host=a\n", [":5:9: clusters.shop.nodes.n1.dns: unknown key; did you mean 'dsn'?"]),
    "a key of another section": (SHOP + "    refresh: 2\n", [":6:5: clusters.shop.refresh: unknown key; known here: environment, via, ssh, thresholds, alarms, quiesce, maintenance_roles, nodes, proxies, poolers"]),
    "a key nobody knows": (GOOD + "\nzzz: 2\n", [":2:1: zzz: unknown key; known here: include, refresh, background_refresh, collect, theme, ascii, mouse, keys, record, defaults, clusters"]),
    "a missing key": (NODE.rstrip("\n") + " {server: s1}\n", [":4:7: clusters.shop.nodes.n1.dsn: this key is required and missing"]),
    "no clusters": ("theme: dark\n", [":1:1: clusters: this key is required and missing"]),
    "no nodes": ("clusters:\n  shop:\n    nodes: {}\n", [":3:5: clusters.shop.nodes: must have at least one entry"]),
    "an empty section": ("clusters:\n  shop:\n    nodes:\n", [":3:5: clusters.shop.nodes: is empty: give it a value, or remove the key"]),
    # values
    "a word for a number": (GOOD + "\nrefresh: soon\n", [":2:1: refresh: must be a number"]),
    "too small a number": (GOOD + "\nrefresh: 0\n", [":2:1: refresh: must be at least 0.2"]),
    "too large a number": (GOOD + "\nrefresh: 61\n", [":2:1: refresh: must be at most 60"]),
    "no number at all": (GOOD + "\nrefresh: .nan\n", [":2:1: refresh: must be"]),
    "a number for a text": (SHOP + "    environment: 1\n", [":6:5: clusters.shop.environment: must be text: put it in quotes"]),
    "a list for a section": ("clusters:\n  shop:\n    nodes: [n1, n2]\n", [":3:5: clusters.shop.nodes: must be a section: keys with values"]),
    "a section for a list": (SHOP + "    proxies: {p: {socket: /s, backends: {bk_db: 1}}}\n", [":6:31: clusters.shop.proxies.p.backends: must be a list: [one, another]"]),
    "a share above one": (SHOP + "    thresholds: {connections_warn: 85}\n", [":6:18: clusters.shop.thresholds.connections_warn: must be at most 1"]),
    "a size without a unit": (SHOP + "    thresholds:\n      lag_bytes_warn: 10Mb\n", [":7:7: clusters.shop.thresholds.lag_bytes_warn: '10Mb' is no size: write bytes as a number, or as 64KiB, 10MiB, 1GiB"]),
    "critical before warning": (SHOP + "    thresholds: {lag_seconds_crit: 5}\n", [":6:5: clusters.shop.thresholds: lag_seconds_crit (5) is below lag_seconds_warn (30)"]),
    "an engine nobody knows": (NODE + "        dsn: host=a\n        engine: bdr9\n", [":6:9: clusters.shop.nodes.n1.engine: must be one of "]),
    "a name that is a command": ("clusters: {shop: {nodes: {'n;1': {dsn: host=a}}}}", ["clusters.shop.nodes.n;1: 'n;1' is not a plain name: use letters, digits, _ . and -"]),
    "a socket that is none": (SHOP + "    proxies: {p: {socket: somewhere}}\n", [":6:19: clusters.shop.proxies.p.socket: 'somewhere' is neither the path of a UNIX socket"]),
    "a port beyond all ports": (SHOP + "    proxies: {p: {socket: 'h:99999'}}\n", [":6:19: clusters.shop.proxies.p.socket: 'h:99999' is neither"]),
    "listen without a port": (SHOP + "    proxies: {p: {socket: /s, listen: [10.0.0.1]}}\n", [":6:40: clusters.shop.proxies.p.listen.0: '10.0.0.1' is not HOST:PORT"]),
    "listen on a name of a file": (SHOP + "    proxies: {p: {socket: /s, listen: [/run/pg]}}\n", [":6:40: clusters.shop.proxies.p.listen.0: '/run/pg' is not HOST:PORT"]),
    "an SSH port": (SHOP + "    ssh: {hosts: {b: {port: 0}}}\n", [":6:23: clusters.shop.ssh.hosts.b.port: must be at least 1"]),
    "a DSN that is none": (NODE + "        dsn: ten.0.0.1\n", [":5:9: clusters.shop.nodes.n1.dsn: is not a libpq connection string (missing"]),
    # passwords
    "a password in the DSN": (NODE + "        dsn: host=a password=hunter2\n", [":5:9: clusters.shop.nodes.n1.dsn: holds a password: put it in ~/.pgpass, or say where it is with password_file: or password_command:"]),
    "a password in the URI": (NODE + "        dsn: postgresql://u:hunter2@a/db\n", [":5:9: clusters.shop.nodes.n1.dsn: holds a password"]),
    "a password as a key": (SHOP + "        password: hunter2\n", [":6:9: clusters.shop.nodes.n1.password: a password does not belong in this file"]),
    "two sources of a password": (SHOP + "        password_file: /p\n        password_command: [p]\n", [":4:7: clusters.shop.nodes.n1: has password_file and password_command: keep one"]),
    "a password file nowhere": (SHOP + "        password_file: secrets/p\n", [":6:9: clusters.shop.nodes.n1.password_file: 'secrets/p' must be an absolute path, or begin with ~/"]),
    "a password command as a line": (SHOP + "        password_command: vault read x\n", [":6:9: clusters.shop.nodes.n1.password_command: must be a list: [one, another]"]),
    # references
    "an unset variable": (NODE + "        dsn: host=${NOBODY_SETS_THIS}\n", [":5:14: clusters.shop.nodes.n1.dsn: the environment variable NOBODY_SETS_THIS is not set: set it, or write ${NOBODY_SETS_THIS:-default}"]),
    "a reference left open": (NODE + "        dsn: 'host=${X'\n", [":5:14: clusters.shop.nodes.n1.dsn: holds a '${' that is no reference"]),
    # includes and defaults
    "a file that is not there": (GOOD + "\ninclude: more.yaml\n", [":2:10: include: no file matches: "]),
    "a file that includes itself": (GOOD + "\ninclude: [config.yaml]\n", [":2:11: include: the file includes itself: config.yaml -> config.yaml"]),
    "a default that is wrong": ("defaults:\n  thresholds: {lag_seconds_warn: -1}\n" + SHOP, [":2:16: defaults.thresholds.lag_seconds_warn: must be at least 0"]),
}  # fmt: skip


def mistakes(path: Path) -> list[str]:
    """Each mistake as it is printed."""
    with pytest.raises(ConfigurationError) as caught:
        read(path)
    assert "bdr-console config example" in caught.value.remedy
    return [str(mistake) for mistake in caught.value.mistakes]


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_is_answered_with_the_place_the_key_and_what_was_expected(
    tmp_path: Path, what: str
) -> None:
    text, expected = BROKEN[what]
    path = write(tmp_path, text)
    found = mistakes(path)
    assert len(found) == len(expected), found
    for said, wanted in zip(found, expected, strict=True):
        assert said.startswith(str(path))
        assert wanted in said
        assert "hunter2" not in said


def test_mistakes_of_all_kinds_are_told_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = (
        "refrsh: 2\n"
        "theme: 3\n"
        "clusters:\n"
        "  shop:\n"
        "    environment: ${NOBODY_SETS_THIS}\n"
        "    nodes:\n"
        "      n1: {dsn: host=a password=hunter2, server: 'a b'}\n"
        "      n1: {}\n"
        "    quiesce: {pause_deadline: 500}\n"
    )
    found = mistakes(write(tmp_path, text))
    assert [said.split(":")[1] for said in found] == ["1", "2", "5", "8", "8", "9"]


def test_a_wrong_file_does_not_fill_the_screen(tmp_path: Path) -> None:
    text = "".join(f"key{i}: 1\n" for i in range(500)) + GOOD
    with pytest.raises(ConfigurationError) as caught:
        read(write(tmp_path, text))
    assert len(caught.value.mistakes) == 500
    assert caught.value.problem.endswith("... and 450 more")


LEVELS = "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]\n" for i in range(1, 30))
MERGES = "".join(f"m{i}: &m{i} {{<<: [{', '.join([f'*m{i - 1}'] * 9)}]}}\n" for i in range(1, 30))


@pytest.mark.parametrize(
    "text",
    [
        f"l0: &l0 x\n{LEVELS}{GOOD}\n",
        f"m0: &m0 {{a: b}}\n{MERGES}{GOOD}\n",
        "clusters: &c\n  shop: *c\n",
        "clusters: &c\n  <<: *c\n",
        "defaults: &d {ssh: *d}\nclusters: {a: &a {ssh: *a}}\n",
    ],
)
def test_aliases_that_stand_for_too_much_or_for_themselves_are_refused(tmp_path: Path, text: str) -> None:
    [said] = mistakes(write(tmp_path, text))
    assert "its YAML aliases (*name) stand for too much, or for themselves" in said
