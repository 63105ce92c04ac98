"""Make a minimal Debian, do there what the README tells a newcomer, and remove it: `script/fresh`.

Only the standard library: this runs before any environment is made. What runs on the machine has a mount and
a process namespace of its own, which end with it: whatever ends this script, nothing stays mounted or
running, and nothing is mounted where the directory is removed.
"""

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SUITES = ("bookworm", "trixie")
_CHECKOUT = Path(__file__).resolve().parent.parent
_USER = "newcomer"
_ACCESS = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/apt/auth.conf",
    "/etc/apt/auth.conf.d",
    "/etc/pip.conf",
    "/etc/xdg/pip",
    "/etc/ssl/certs/ca-certificates.crt",
    "/usr/local/share/ca-certificates",
)
"""How this machine reaches its package archives."""
_PIP_OF_USER = Path("~/.config/pip/pip.conf").expanduser()
_ENVIRONMENT = re.compile(r"PIP_\w+|SSL_CERT_\w+|(https?|all|no)_proxy", re.IGNORECASE)
"""Variables that say the same."""
_SERVERS_OFF = "#!/bin/sh\nexit 101\n"
"""As in a container: no init, and the packages' own servers would stand on the host's network."""
_COLUMNS, _LINES = 140, 40
_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class FreshError(Exception):
    """A newcomer would not see what the README promises; the message says what happened."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A Debian in a directory, and the account on it that tries the checkout."""

    root: Path
    user: str | None

    @property
    def home(self) -> Path:
        return Path("/home") / self.user if self.user else Path("/root")

    @property
    def checkout(self) -> Path:
        return self.home / "bdr-console"

    def command(self, *command: str, directory: Path, terminal: str | None = None) -> list[str]:
        """The account's command in that directory, as a command for our machine."""
        path = "/usr/local/bin:/usr/bin:/bin"
        if self.user is None:
            path = f"/usr/local/sbin:{path}:/usr/sbin:/sbin"
        name = self.user or "root"
        variables = {
            **{key: value for key, value in os.environ.items() if _ENVIRONMENT.fullmatch(key)},
            **{"HOME": str(self.home), "USER": name, "LOGNAME": name, "SHELL": "/bin/bash", "PATH": path},
            **({"TERM": terminal} if terminal else {}),
        }
        login = ["setpriv", f"--reuid={name}", f"--regid={name}", "--init-groups"] if self.user else []
        return [
            *("unshare", "--mount", "--pid", "--fork", "--kill-child"),
            *(str(_CHECKOUT / "script/fresh_inside"), str(self.root), *_local_indexes(), "--"),
            *("env", "--ignore-environment", f"--chdir={directory}"),
            *(f"{key}={value}" for key, value in variables.items()),
            *login,
            *command,
        ]


def _local_indexes() -> list[str]:
    """Directories of this machine that pip's settings name as indexes or places of wheels."""
    settings = [value for key, value in os.environ.items() if key.startswith("PIP_")]
    for file in (Path("/etc/pip.conf"), Path("/etc/xdg/pip/pip.conf"), _PIP_OF_USER):
        if file.exists():
            settings.append(file.read_text())
    named = {
        found.rstrip("/")
        for text in settings
        for found in re.findall(r"(?:file://|(?<![\w/:]))(/[^\s,]+)", text)
    }
    # An index may lead to files beside its own folder.
    places = {str(Path(name).parent) if name.endswith("/simple") else name for name in named}
    return sorted(place for place in places if Path(place).is_dir())


def _call(*command: str, quiet: bool = False) -> None:
    """Run it to its end. The child dies with us (unshare's --kill-child), or on our signal."""
    # A signal between the fork and Popen's return would leave the child behind: it waits for that moment.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        errors="replace",
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before),  # noqa: PLW1509 - no threads
    )
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        output, _ = process.communicate()
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode:
        last = "\n".join((output or "").splitlines()[-20:])
        raise FreshError(
            f"failed with exit code {process.returncode}: {shlex.join(command)}\n{last}".rstrip()
        )


def _sources(label: str) -> str | None:
    """The address of Debian's archive of that label among this machine's apt sources."""
    asked = ("apt-get", "indextargets", "--format", "$(ORIGIN)/$(LABEL) $(REPO_URI)", "Created-By: Packages")
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    return next((line.split()[1] for line in lines if line.startswith(f"Debian/{label} ")), None)


def _install_debian(suite: str, root: Path) -> None:
    _call("apt-get", "-qq", "update")  # the sources' labels are in their lists
    mirror, security = _sources("Debian"), _sources("Debian-Security")
    if mirror is None:
        raise FreshError(
            "none of this machine's apt sources is Debian's; put one of its mirrors into /etc/apt"
        )
    # In a mount namespace: debootstrap mounts /proc and /sys, and may be ended before it unmounts them.
    _call(
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
        *("debootstrap", "--variant=minbase", suite, str(root), mirror),
        quiet=True,
    )
    lines = [f"deb {mirror} {suite} main"]
    if suite in SUITES:
        lines.append(f"deb {mirror} {suite}-updates main")
        lines += [f"deb {security} {suite}-security main"] if security else []
    (root / "etc/apt/sources.list").write_text("\n".join([*lines, ""]))
    settings = subprocess.run(("apt-config", "dump", "Acquire"), capture_output=True, text=True, check=True)
    (root / "etc/apt/apt.conf.d/90as-on-the-host").write_text(settings.stdout)
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text(_SERVERS_OFF)
    policy.chmod(0o755)
    for path in map(Path, _ACCESS):
        copy = root / path.relative_to("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, copy, dirs_exist_ok=True)
        elif path.exists():
            shutil.copyfile(path, copy)


def _move_in(machine: Machine) -> None:
    """Make the account, with pip's settings of ours and a clone of HEAD."""
    root, home = machine.root, machine.root / machine.home.relative_to("/")
    if machine.user:
        administrator = Machine(root, None)
        for command in (("update",), ("install", "--yes", "--no-install-recommends", "sudo")):
            _call(*administrator.command("apt-get", "-qq", *command, directory=Path("/")), quiet=True)
        _call("chroot", str(root), "useradd", "--create-home", "--shell", "/bin/bash", machine.user)
        (root / "etc/sudoers.d" / machine.user).write_text(f"{machine.user} ALL=(ALL) NOPASSWD: ALL\n")
    if _PIP_OF_USER.exists():
        (home / ".config/pip").mkdir(parents=True)
        shutil.copyfile(_PIP_OF_USER, home / ".config/pip/pip.conf")
    _call(
        "git",
        "clone",
        "--quiet",
        "--depth",
        "1",
        f"file://{_CHECKOUT}",
        str(root / machine.checkout.relative_to("/")),
    )
    name = machine.user or "root"
    _call("chroot", str(root), "chown", "--recursive", f"{name}:{name}", str(machine.home))


class Terminal:
    """A command in a terminal of its own (tmux), ended with it."""

    def __init__(self, command: list[str]) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="bdr-fresh-tmux-")
        # The window outlives the command, so that its last words can be read.
        shell = f"{shlex.join(command)}; echo exit status $?; exec sleep 600"
        size = ("-x", str(_COLUMNS), "-y", str(_LINES))
        self._tmux("-u", "-f", "/dev/null", "new-session", "-d", *size, "sh", "-c", shell)

    def _tmux(self, *arguments: str) -> str:
        command = ("tmux", "-S", f"{self._directory.name}/tmux", *arguments)
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def wait_for(self, pattern: str, seconds: float) -> str:
        """The first screen that matches; what it shows instead when the command ends or time is over."""
        end = time.monotonic() + seconds
        while not re.search(pattern, screen := self._tmux("capture-pane", "-p")):
            if "exit status" in screen or time.monotonic() > end:
                raise FreshError(
                    f"script/demo does not show {pattern!r} within {seconds:.0f} s:\n{screen.rstrip()}"
                )
            time.sleep(0.2)
        return screen

    def close(self) -> None:
        self._tmux("kill-server")
        self._directory.cleanup()


def try_demo(machine: Machine) -> None:
    """Look at a healthy cluster, plan a switchover, and quit; nothing may be left running."""
    # A terminal of the machine's own, that belongs to the account as after a login.
    login = ("script", "--quiet", "--return", "--command", "script/demo", "/dev/null")
    terminal = Terminal(machine.command(*login, directory=machine.checkout, terminal="tmux-256color"))
    try:
        _show(terminal.wait_for(r"HEALTHY", 900))
        terminal.press("s")
        _show(terminal.wait_for(r"point of no return", 60))
        terminal.press("Escape")
        terminal.wait_for(r"Replication lag", 60)
        terminal.press("q")
        ended = terminal.wait_for(r"exit status \d+", 120)
        if "exit status 0" not in ended:
            raise FreshError(f"script/demo failed:\n{ended.rstrip()}")
    finally:
        terminal.close()


def _show(screen: str) -> None:
    print("\n".join(f"  | {line}".rstrip() for line in screen.rstrip().splitlines()), flush=True)


@contextmanager
def _debian(suite: str, user: str | None, *, keep: bool) -> Iterator[Machine]:
    """A machine for as long as it is tried."""
    root = Path(tempfile.mkdtemp(prefix=f"bdr-fresh-{suite}-", dir="/var/tmp"))
    root.chmod(0o755)
    machine = Machine(root, user)
    try:
        _install_debian(suite, root)
        _move_in(machine)
        yield machine
    finally:
        if keep:
            print(f"fresh: kept: {root}")
        else:
            _remove(root)


def _remove(root: Path) -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if f" {root}" in Path("/proc/self/mountinfo").read_text():
        raise FreshError(f"something is mounted below {root}: unmount it, then remove that directory")
    command = ("rm", "--recursive", "--force", "--one-file-system", str(root))
    for _ in range(20):  # processes of the machine that are ended at this moment may still write to it
        if subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return
        time.sleep(0.5)
    _call(*command)


def _timed(what: str, does: Callable[[], None]) -> None:
    print(f"fresh: {what}", flush=True)
    began = time.monotonic()
    does()
    print(f"fresh: {what}: in order after {time.monotonic() - began:.0f} s", flush=True)


_VERSIONS = (
    "python3 --version; dpkg-query --show --showformat '${Package} ${Version}\\n'"
    " 'postgresql-[0-9]*' haproxy pgbouncer bucardo tmux | grep ' .'"
)


def try_out(suite: str, options: argparse.Namespace, user: str | None) -> None:
    """Make that machine, try it, and remove it; raises a `FreshError` when it is not as the README says."""
    name = f"{suite} as {f'{user}, with sudo' if user else 'root'}"
    print(f"fresh: making {name}", flush=True)
    for number in _SIGNALS:
        signal.signal(number, _end)
    with _debian(suite, user, keep=options.keep) as machine:
        if not options.test:
            _timed(f"{name}: script/demo", lambda: try_demo(machine))
        if not options.demo:
            test = machine.command("script/test", *options.pytest, directory=machine.checkout)
            _timed(f"{name}: script/test", lambda: _call(*test))
        _call("chroot", str(machine.root), "sh", "-c", _VERSIONS)


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def main() -> None:
    """Try the machines that the command line names."""
    parser = argparse.ArgumentParser(
        "script/fresh", description="Do what the README says, on a Debian with nothing installed."
    )
    parser.add_argument(
        "suite", nargs="?", default=SUITES[-1], help="bookworm, trixie, or another one of Debian's"
    )
    parser.add_argument("--user", action="store_true", help="as a user with sudo, not as root")
    parser.add_argument("--all", action="store_true", help="bookworm and trixie, each as root and as a user")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--demo", action="store_true", help="only script/demo")
    only.add_argument("--test", action="store_true", help="only script/test")
    parser.add_argument("--keep", action="store_true", help="leave the machine in /var/tmp")
    parser.add_argument("pytest", nargs="*", metavar="-- ARGUMENT", help="for script/test")
    own, rest = sys.argv[1:], []
    if "--" in own:
        cut = own.index("--")
        own, rest = own[:cut], own[cut + 1 :]
    options = parser.parse_args(own)
    options.pytest = rest
    user = _USER if options.user else None
    machines = (
        [(suite, who) for suite in SUITES for who in (None, _USER)]
        if options.all
        else [(options.suite, user)]
    )
    failed = False
    for suite, who in machines:
        try:
            try_out(suite, options, who)
        except FreshError as error:
            failed = True
            print(f"fresh: {suite} as {who or 'root'}: {error}", file=sys.stderr, flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
