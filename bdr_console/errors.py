"""The one exception that a user is meant to read, and the others in one line."""

CRASHED = 70
"""Exit code of a program that ends by an error of its own. It is EX_SOFTWARE of sysexits.h, apart from
all that a monitoring plugin or a run may answer."""

UNWRITTEN = 74
"""Exit code where what was asked for could not be written: to stdout, or to the file of a recording. It is
EX_IOERR of sysexits.h, apart from all that a monitoring plugin or a run may answer."""


class ConsoleError(Exception):
    """Something the user can mend: what is wrong, where, and what to do about it.

    The command line prints it as one paragraph and exits with `exit_code`; it never prints a traceback.
    """

    def __init__(self, problem: str, remedy: str = "", exit_code: int = 2) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"{self.problem}\n{self.remedy}" if self.remedy else self.problem


def described(error: Exception) -> str:
    """Name an error in one line: the problem of one that is meant to be read, type and text of any other."""
    return error.problem if isinstance(error, ConsoleError) else f"{type(error).__name__}: {error}"
