"""What single values of the configuration may be. A value that may hold a secret is never repeated."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_PLACE = re.compile(r"(\[[^\]\s]+\]|[^:/\s]+):(\d{1,5})")
_BIND = re.compile(r"(?:ipv[46]@)?(\[[^\]\s]+\]|[^:/\s]*):(\d{1,5})")
"""As `bind` takes it: a family before it, or no host at all."""
_SOCKET_OF = re.compile(r"(unix@)?/[^\s:]*(:\d{1,5}|/\.s\.PGSQL\.\d{1,5})")
_URI_PASSWORD = re.compile(r"postgres(ql)?://[^/@]*:[^/@]*@")
_SECRET_WORD = re.compile(r"(^|\s|[?&])(password|sslpassword|oauth_client_secret)\s*=")
NO_LITERAL = "put it in ~/.pgpass, or say where it is with password_file: or password_command:"


def _plain_name(name: str) -> str:
    """Names end up in commands to HAProxy and PgBouncer: letters, digits, `_`, `.` and `-` only."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"'{name}' is not a plain name: use letters, digits, _ . and -")
    return name


def _dsn(dsn: str) -> str:
    if _SECRET_WORD.search(dsn) or _URI_PASSWORD.match(dsn):
        raise ValueError(f"holds a password: {NO_LITERAL}")
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(dsn)
    except ProgrammingError as error:
        # libpq quotes the piece it did not understand, and that piece may be a password.
        what = str(error).split('"')[0].strip() or "not understood"
        raise ValueError(
            f"is not a libpq connection string ({what} ...): write keywords "
            "(host=10.0.0.1 dbname=app user=monitor) or a URI (postgresql://...)"
        ) from None
    return dsn


def _is_place(text: str, form: re.Pattern[str] = _PLACE) -> bool:
    match = form.fullmatch(text)
    return match is not None and 0 < int(match[2]) < 65536


def _socket(text: str) -> str:
    if text.startswith("/") or _is_place(text):
        return text
    raise ValueError(f"'{text}' is neither the path of a UNIX socket (/run/haproxy/admin.sock) nor HOST:PORT")


def _listen(text: str) -> str:
    if not _is_place(text, _BIND) and not _SOCKET_OF.fullmatch(text):
        raise ValueError(
            f"'{text}' is not HOST:PORT (also *:PORT, and DIRECTORY:PORT or the path for a UNIX socket)"
        )
    return text


def _bytes(value: Any) -> Any:
    """`10MiB` -> 10485760; a number as it is."""
    if not isinstance(value, str) or value.strip().isdecimal():
        return value
    match = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([KMGT])iB\s*", value)
    if match is None:
        raise ValueError(f"'{value}' is no size: write bytes as a number, or as 64KiB, 10MiB, 1GiB")
    return int(float(match[1]) * 1024 ** ("KMGT".index(match[2]) + 1))


def _file(text: str) -> str:
    if not PurePosixPath(text).is_absolute() and not text.startswith("~/"):
        raise ValueError(f"'{text}' must be an absolute path, or begin with ~/")
    return text


def _absolute(text: str) -> str:
    if not PurePosixPath(text).is_absolute():
        raise ValueError(f"'{text}' must be an absolute path")
    return text


def _words(value: Any) -> Any:
    """One string stands for a list of one."""
    return (value,) if isinstance(value, str) else value


PlainName = Annotated[str, AfterValidator(_plain_name)]
ByteCount = Annotated[
    int,
    BeforeValidator(_bytes),
    Field(ge=0, le=2**50),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 2**50},
                {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*[KMGT]iB\s*$"},
            ]
        }
    ),
]
Seconds = Annotated[float, Field(ge=0, le=1e9)]
Dsn = Annotated[str, AfterValidator(_dsn)]
SocketAddress = Annotated[str, AfterValidator(_socket)]
ListenAddress = Annotated[str, AfterValidator(_listen)]
FilePath = Annotated[str, AfterValidator(_file)]
AbsolutePath = Annotated[str, AfterValidator(_absolute)]
Patterns = Annotated[
    tuple[str, ...],
    BeforeValidator(_words),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
