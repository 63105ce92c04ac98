"""What each step brings about, as a statement that is true or not: its line in a plan and in a run. Pure."""

_CONDITIONS = {
    "rehearse": "every other node applies within the time that clients may wait",
    "prepare": "the settings of every PgBouncer are right for the move, and its pools are settled",
    "pause": "every PgBouncer is paused: clients wait, none is refused",
    "flag": "every server connection of the session pools is flagged to be closed",
    "disable": "{servers} is in maintenance on every HAProxy",
    "cut": "no session is left on {node}",
    "reconnect": "every server connection to {node} is flagged to be closed",
    "wait_close": "no old server connection is left",
    "quiet": "no transaction is left",
    "barrier": "every other node has applied the last commit of {node}",
    "resume": "every PgBouncer serves its clients again",
    "served": "every pool that had server connections before has some again",
    "restore": "the settings of every PgBouncer are as they were",
    "drained": "{node} is drained, and its peers have all its writes",
    "ready": "{node} is up, and replication has caught up both ways",
    "enable": "{servers} is enabled and up on every HAProxy",
}
"""By the key of the step."""


def condition(key: str, node: str, servers: str) -> str:
    """The statement for the step of that key; empty for a key not known here, whose title then has to do."""
    return _CONDITIONS.get(key, "").format(node=node, servers=servers or f"the server of {node}")


def point_of_no_return(node: str) -> str:
    """The line drawn before the first step that an undo does not make good."""
    return f"point of no return: clients move here; undo enables {node}, they stay"
