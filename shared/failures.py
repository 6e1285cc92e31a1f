"""What may go wrong by name and ends a command: told in words instead of a traceback."""


class Refused(Exception):  # noqa: N818 - what was asked for is refused; the subclass says why
    """A named failure whose message is for people: what, where, and what to do. Exit code 2."""
