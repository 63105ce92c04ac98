"""Every way that libpq knows to a password or a certificate works, and the two of the configuration's own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bdr_console.config import ClusterSettings
from bdr_console.links.errors import LinkError
from bdr_console.links.factory import Links
from bdr_console.links.pgbouncer import PgBouncerReader
from bdr_console.links.postgres import PostgresReader
from tests.links.servers import PASSWORD, PgBouncer, Postgres, directory, write


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with an empty home and nothing of libpq's in the environment."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


async def role(dsn: str, **more: Any) -> str:
    """Who one is at the server of that DSN; raises LinkError."""
    links = Links(ClusterSettings.model_validate({"nodes": {"n1": {"dsn": dsn, **more}}}), deadline=10.0)
    (reader,) = links.nodes(PostgresReader).values()
    try:
        answer = (await reader.fetch({"role": "SELECT current_user::text AS role"}))["role"]
    finally:
        await reader.close()
    assert isinstance(answer, list)
    return str(answer[0]["role"])


def place(server: Postgres) -> str:
    return f"host=127.0.0.1 port={server.port} dbname=postgres"


async def test_password_files_of_libpq(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = f"{place(postgres)} user=postgres"
    with pytest.raises(LinkError, match="no password supplied"):
        await role(dsn)
    line = f"127.0.0.1:{postgres.port}:*:postgres:{PASSWORD}\n"
    elsewhere = private(tmp_path / "elsewhere", line)
    assert await role(f"{dsn} passfile={elsewhere}") == "postgres"
    monkeypatch.setenv("PGPASSFILE", str(elsewhere))
    assert await role(dsn) == "postgres"
    monkeypatch.delenv("PGPASSFILE")
    private(tmp_path / ".pgpass", line)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / ".pgpass"))  # libpq asks the account, not $HOME
    assert await role(dsn) == "postgres"


async def test_the_environment(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("PGUSER", "postgres")
    monkeypatch.setenv("PGPORT", str(postgres.port))
    assert await role("host=127.0.0.1 dbname=postgres") == "postgres"


async def test_service_files(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"[shop]\n{place(postgres).replace(' ', chr(10))}\nuser=postgres\npassword={PASSWORD}\n"
    named = private(tmp_path / "services", text)
    monkeypatch.setenv("PGSERVICEFILE", str(named))
    assert await role("service=shop") == "postgres"
    monkeypatch.delenv("PGSERVICEFILE")
    (tmp_path / "etc").mkdir()
    private(tmp_path / "etc/pg_service.conf", text)
    monkeypatch.setenv("PGSYSCONFDIR", str(tmp_path / "etc"))
    assert await role("service=shop") == "postgres"


async def test_a_password_file_and_a_password_command(postgres: Postgres, tmp_path: Path) -> None:
    dsn = f"{place(postgres)} user=postgres"
    kept = private(tmp_path / "secret", PASSWORD + "\n")
    assert await role(dsn, password_file=str(kept)) == "postgres"
    assert await role(dsn, password_file="~/secret") == "postgres"
    command = [sys.executable, "-c", f"print(open({str(kept)!r}).read())"]
    assert await role(dsn, password_command=command) == "postgres"


@pytest.fixture(scope="module")
def certified() -> Iterator[Postgres]:
    """A server with TLS that lets `certified` in by certificate alone."""
    with directory() as path:
        server = Postgres(path, "ssl = on", *(f"ssl_{what}_file = '{path}/{name}'" for what, name in _FILES))
        _certificates(path)
        for name in ("ca.crt", "server.crt", "server.key"):
            write(path / name, (path / name).read_text())
        hba = server.data / "pg_hba.conf"
        write(hba, "hostssl all certified all cert\n" + hba.read_text())
        try:
            server.start().run("CREATE ROLE certified LOGIN")
            yield server
        finally:
            server.stop()


_FILES = (("cert", "server.crt"), ("key", "server.key"), ("ca", "ca.crt"))


def _certificates(path: Path) -> None:
    """A throw-away authority, a certificate for 127.0.0.1 and one for the role `certified`."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=path, capture_output=True, check=True, timeout=30)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=test")
    (path / "san").write_text("subjectAltName=IP:127.0.0.1")
    for name, subject in (("server", "/CN=127.0.0.1"), ("client", "/CN=certified")):
        openssl("req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
        openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-out", f"{name}.crt", "-days", "2", "-extfile", "san"),
        )
        (path / f"{name}.key").chmod(0o600)


async def test_a_client_certificate_and_a_verified_server(certified: Postgres) -> None:
    folder = certified.directory
    words = f"{place(certified)} user=certified sslmode=verify-full sslrootcert={folder}/ca.crt"
    # as root, libpq takes a key of root's or of our own
    key = private(folder / "own.key", (folder / "client.key").read_text())
    assert await role(f"{words} sslcert={folder}/client.crt sslkey={key}") == "certified"
    with pytest.raises(LinkError):
        await role(words)
    wrong = words.replace(f"{folder}/ca.crt", f"{folder}/client.crt")
    with pytest.raises(LinkError, match="certificate verify failed"):
        await role(f"{wrong} sslcert={folder}/client.crt sslkey={key}")


@pytest.mark.parametrize("method", ["md5", "scram-sha-256"])
async def test_users_of_a_pgbouncers_auth_file(postgres: Postgres, tmp_path: Path, method: str) -> None:
    kept = private(tmp_path / "secret", PASSWORD)
    with directory() as path:
        pooler = PgBouncer(path, f"* = host=127.0.0.1 port={postgres.port}")
        write(pooler.config, pooler.config.read_text().replace("auth_type = plain", f"auth_type = {method}"))
        try:
            pooler.start()
            login = {"dsn": f"host=127.0.0.1 port={pooler.port} user=watcher", "password_file": str(kept)}
            settings = ClusterSettings.model_validate(
                {"nodes": {"n": {"dsn": "host=a"}}, "poolers": {"p": login}}
            )
            (reader,) = Links(settings, deadline=10.0).poolers(PgBouncerReader).values()
            try:
                assert await reader.show("POOLS")
                await reader.renew()
                assert await reader.show("DATABASES")
            finally:
                await reader.close()
        finally:
            pooler.stop()
