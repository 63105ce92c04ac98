"""What the OpenSSH client's configuration says of a host.

Where the program `ssh` is installed it is asked (`ssh -G`), because only it knows what its files mean: Match,
Include, tokens, quoting, canonical names. Without it only plain Host blocks are understood, and a file that
says more is refused with its line, because half of it would lead to another machine.
"""

import fnmatch
import glob
import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bdr_console.cluster.text import clean
from bdr_console.errors import ConsoleError

Values = dict[str, list[str]]
"""Keywords in lower case, each with its values in order."""

_SYSTEM = Path("/etc/ssh/ssh_config")
_PATIENCE = 10.0
"""Seconds for one `ssh -G`: it may run `Match exec` commands, and look up canonical names."""
_FRESH = 30.0
"""Seconds that an answer holds: several links to one host are made at the same time."""
_NOISE = re.compile(r"terminating, \d+ bad configuration option|Pseudo-terminal")
_STDIN = "/dev/stdin"
_REPEATED = frozenset({"identityfile", "certificatefile"})
_USED = {
    *("hostname", "user", "port", "hostkeyalias", "identityfile", "certificatefile", "identitiesonly"),
    *("proxyjump", "proxycommand", "userknownhostsfile", "globalknownhostsfile"),
}
_LEADS_ELSEWHERE = frozenset({"match", "canonicalizehostname", "canonicaldomains", "knownhostscommand"})
_NEEDS_SSH = "Install the OpenSSH client, or give the host in ssh.hosts and an ssh.config_file without it."

_answers: dict[tuple[str, ...], tuple[float, Values]] = {}


@dataclass(frozen=True, slots=True)
class Target:
    """The host that is looked up, with what the console's own configuration says of it already."""

    name: str
    host: str | None = None
    user: str | None = None
    port: int | None = None


def look_up(target: Target, config_file: Path | None) -> Values:
    """Return what OpenSSH would use for that host.

    `config_file` stands in the place of ~/.ssh/config and /etc/ssh/ssh_config. Raises ConsoleError, with the
    file and line where one is to blame.
    """
    if config_file is not None and not config_file.exists():
        raise ConsoleError(f"there is no SSH configuration {config_file}", "Correct ssh.config_file.")
    program = shutil.which("ssh")
    if program is None:
        files = [config_file] if config_file else [Path.home() / ".ssh" / "config", _SYSTEM]
        return _plain(target.name, [path for path in files if path.exists()])
    command = _command(program, target, config_file)
    text = _own_files() if _STDIN in command else ""
    kept = _answers.get((*command, text))
    if kept is None or time.monotonic() - kept[0] > _FRESH:
        kept = _answers[*command, text] = (time.monotonic(), _ask(command, text, target.name))
    return kept[1]


def expand(text: str, *, target: Target, values: Values) -> Path:
    """Return the file that a key or a certificate is named by: with ~, ${VARIABLE} and the tokens of
    ssh_config(5) in it, which `ssh -G` prints as they were written. Raises ConsoleError for another token."""
    host = first(values, "hostname") or target.host or target.name
    account = _account()
    here = socket.gethostname()
    tokens = {
        "%": "%",
        "d": str(Path.home()),
        "h": host,
        "i": str(os.getuid()),
        "k": first(values, "hostkeyalias") or target.name,
        "L": here.partition(".")[0],
        "l": here,
        "n": target.name,
        "p": first(values, "port") or "22",
        "r": first(values, "user") or account,
        "u": account,
    }

    def token(match: re.Match[str]) -> str:
        if match[1] not in tokens:
            raise ConsoleError(
                f"the SSH host '{target.name}' names the file {clean(text)}: %{match[1]} is not known",
                f"Write the path without it, or give ssh.hosts.{target.name}.identity_file.",
            )
        return tokens[match[1]]

    def variable(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ConsoleError(
                f"the SSH host '{target.name}' names the file {clean(text)}, but {match[1]} is not set",
                f"Set it, or give ssh.hosts.{target.name}.identity_file.",
            )
        return os.environ[match[1]]

    return Path(re.sub(r"\$\{(\w+)\}", variable, re.sub(r"%(.)", token, text))).expanduser()


def _account() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def first(values: Values, key: str) -> str | None:
    """Return the first value of a keyword; None without one."""
    return next(iter(values.get(key, ())), None)


def files_of(text: str) -> tuple[Path, ...]:
    """Return the files of a list as `ssh -G` prints it: absolute paths, which may have spaces in them."""
    words = re.split(r"\s+(?=[/~])", text) if text.startswith(("/", "~")) else text.split()
    return tuple(Path(word).expanduser() for word in words if word.lower() != "none")


def _command(program: str, target: Target, config_file: Path | None) -> tuple[str, ...]:
    options: list[str] = []
    if config_file is not None:
        options += ["-F", str(config_file)]
    elif not _is_own_home():
        options += ["-F", _STDIN]  # `ssh` takes the account's home directory, the console $HOME
    if target.host:
        options += ["-o", f"HostName={target.host}"]
    if target.user:
        options += ["-o", f"User={target.user}"]
    if target.port:
        options += ["-o", f"Port={target.port}"]
    return (program, "-G", "-T", *options, "--", target.name)


def _is_own_home() -> bool:
    try:
        return Path.home() == Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return True


def _own_files() -> str:
    """The user's and the system's file, for where $HOME is not the account's home directory."""
    own = Path.home() / ".ssh" / "config"
    files = [path for path in (own, _SYSTEM) if path.exists()]
    lines = own.read_text(errors="replace").splitlines() if own in files else []
    for number, line in enumerate(lines, 1):
        if re.match(r"""\s*include[\s="']+[^\s="'/~]""", line, re.IGNORECASE):
            raise ConsoleError(
                f"{own}:{number}: {clean(line.strip(), 80)}: ssh looks for it in another home directory",
                "Write the whole path, or set HOME to the home directory of the account.",
            )
    return "".join(f'Include "{path}"\n' for path in files)


def _ask(command: Sequence[str], text: str, name: str) -> Values:
    by_hand = f"Try it by hand: ssh -G {clean(name)}"
    try:
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConsoleError(
            f"ssh did not say within {_PATIENCE:.0f} s how '{clean(name)}' is reached",
            f"A `Match exec` or a name server may hang. {by_hand}",
        ) from None
    except OSError as error:
        raise ConsoleError(f"cannot run {command[0]}: {error.strerror}", by_hand) from None
    if done.returncode:
        said = [
            line for line in done.stderr.decode("utf-8", "replace").splitlines() if not _NOISE.search(line)
        ]
        why = clean("; ".join(line.strip() for line in said if line.strip()), 400)
        raise ConsoleError(
            f"ssh cannot say how '{clean(name)}' is reached: {why or f'exit code {done.returncode}'}",
            f"Correct that line, or give another ssh.config_file. {by_hand}",
        )
    found: Values = {}
    for line in done.stdout.decode("utf-8", "surrogateescape").splitlines():
        key, _, value = line.partition(" ")
        found.setdefault(key.lower(), []).append(value)
    return found


def _plain(name: str, files: Sequence[Path]) -> Values:
    """What plain Host blocks say of a host: as for `ssh` the first value wins, and keys add up."""
    found: Values = {}
    for path in files:
        applies = True
        for number, key, value in _lines(path):
            if key == "host":
                applies = _is_named(name, value.split())
                continue
            if key == "include" and not any(map(glob.glob, _included(value, path))):
                continue
            more = key in _LEADS_ELSEWHERE or key == "include"
            if more or (applies and key in _USED and re.search(r"[%\"'#]|\$\{", value)):
                raise ConsoleError(
                    f"{path}:{number}: {clean(f'{key} {value}', 80)}: more than a plain Host block, and the "
                    "program ssh, which knows what it means, is not installed",
                    _NEEDS_SSH,
                )
            if applies and key in _USED:
                if key in _REPEATED:
                    found.setdefault(key, []).append(value)
                else:
                    found.setdefault(key, [value])
    return found


def _lines(path: Path) -> Iterator[tuple[int, str, str]]:
    """Each line that says something: its number, the keyword in lower case, the rest."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConsoleError(f"cannot read {path}: {error.strerror}", "Check its permissions.") from None
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r"\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*\S)\s*$", line)
        if match is not None:
            yield number, match[1].lower(), match[2]
        elif line.strip() and not line.lstrip().startswith("#"):
            raise ConsoleError(
                f"{path}:{number}: {clean(line.strip(), 80)}: not a keyword with a value",
                "Correct that line.",
            )


def _included(value: str, path: Path) -> list[str]:
    return [str(path.parent / Path(word.strip('"')).expanduser()) for word in value.split()]


def _is_named(name: str, patterns: Sequence[str]) -> bool:
    if any(fnmatch.fnmatchcase(name, pattern[1:]) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
