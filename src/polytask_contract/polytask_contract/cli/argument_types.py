"""What words on a command line mean; argparse tells the user of what is raised here."""

import argparse

NO_IMAGE = "none"


def positive(text: str) -> int:
    """Return a whole number above 0."""
    number = _whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not valid; valid: 1 or more")
    return number


def count(text: str) -> int:
    """Return a whole number, 0 or more."""
    number = _whole(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is not valid; valid: 0 or more")
    return number


def seed(text: str) -> int:
    """Return the seed of a reset."""
    number = _whole(text)
    if not 0 <= number < 2**64:
        raise argparse.ArgumentTypeError(f"{text} is not valid; valid: 0 to 2**64 - 1")
    return number


def size(text: str) -> tuple[int, int]:
    """Return (rows, columns) from `ROWSxCOLUMNS`."""
    rows, _, columns = text.partition("x")
    if not (rows.isdecimal() and columns.isdecimal() and int(rows) and int(columns)):
        raise argparse.ArgumentTypeError(f"{text!r} is not valid; valid: ROWSxCOLUMNS, as 84x84")
    return int(rows), int(columns)


def size_or_none(text: str) -> tuple[int, int] | None:
    """Return (rows, columns) from `ROWSxCOLUMNS`, None from `none`."""
    return None if text == NO_IMAGE else size(text)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from error
