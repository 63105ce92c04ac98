"""What a subject is called. Pure."""

from bdr_console.ui.subject import Kind, Subject


def named(subject: Subject) -> str:
    """What the details are about, in one line."""
    key = subject.key
    match subject.kind:
        case Kind.LINK:
            return f"Link {key[0]} -> {key[1]}"
        case Kind.SERVER:
            return f"HAProxy server {'/'.join(key)}" if key[2] else f"HAProxy backend {key[0]}/{key[1]}"
        case Kind.POOL:
            if not key[1]:
                return f"PgBouncer {key[0]}"
            return f"Pool {key[0]}/{key[1]}" + (f" of {key[2]}" if key[2] else "")
        case Kind.CONFLICT:
            return f"Conflict on {key[0]}"
        case Kind.EVENT:
            return f"Event {key[0]}"
        case Kind.NODE:
            return f"Node {key[0]}"
