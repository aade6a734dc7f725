"""The command finds its verbs, and ends every error as one sentence and a status."""

import argparse

import pytest

from polytask_contract.cli import command
from polytask_contract.errors import PolyTaskError


class Verb:
    """Raises whatever it is told to."""

    summary = "raise something"
    error = None

    def describe(self, parser):
        parser.add_argument("--number", type=int, default=7, help="its status")
        parser.add_argument("--words", nargs="+", default=["a", "b"], help="what it says")
        parser.add_argument("--more", nargs="+", default=[], help="what it adds")
        parser.add_argument("--place", help="where to (default: here)")
        parser.add_argument("--size", default=(8, 4), help="how large (default: 8x4)")
        parser.add_argument("--quiet", dest="loud", action="store_false", help="say nothing")
        parser.add_argument(
            "--again", action=argparse.BooleanOptionalAction, default=False, help="once more"
        )

    def perform(self, options):
        if self.error:
            raise self.error
        return options.number


@pytest.fixture
def verb(installed, monkeypatch):
    """Install one verb, `polytask raise it`, and give its class."""
    installed(command, "raise.it", lambda: Verb)
    monkeypatch.setattr(Verb, "error", None)
    return Verb


@pytest.mark.usefixtures("verb")
def test_the_status_is_the_verbs_own():
    assert command.main(["raise", "it"]) == 7
    assert command.main(["raise", "it", "--number", "0"]) == 0


@pytest.mark.parametrize("words", [[], ["--help"], ["help"], ["raise"], ["raise", "-h"]])
@pytest.mark.usefixtures("verb")
def test_verbs_are_listed_with_a_line_each(capsys, words):
    assert command.main(words) == 0
    assert "  polytask raise it  raise something\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rise"], "polytask: `polytask` has no verb 'rise'; valid: raise\n"),
        (["raise", "them"], "polytask: `polytask raise` has no verb 'them'; valid: it\n"),
        (["--raise"], "polytask: `polytask` has no verb '--raise'; valid: raise\n"),
    ],
)
@pytest.mark.usefixtures("verb")
def test_an_unknown_verb_names_the_valid_ones(capsys, words, message):
    assert command.main(words) == 2
    assert capsys.readouterr().err == message


@pytest.mark.usefixtures("verb")
def test_help_shows_the_default_of_each_option_once(capsys):
    with pytest.raises(SystemExit, match="0"):
        command.main(["raise", "it", "--help"])
    options = [
        "--number NUMBER its status (default: 7)",
        "--words WORDS [WORDS ...] what it says (default: a b)",
        "--more MORE [MORE ...] what it adds",
        "--place PLACE where to (default: here)",
        "--size SIZE how large (default: 8x4)",
        "--quiet say nothing",
        "--again, --no-again once more (default: False)",
    ]
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.endswith(" ".join(options))


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (PolyTaskError("there is no x"), 1, "polytask: there is no x\n"),
        (command.UsageError("no"), 2, "polytask: no\n"),
        (FileNotFoundError(2, "No such file", "x"), 1, "polytask: [Errno 2] No such file: 'x'\n"),
        (KeyboardInterrupt(), 130, "polytask: interrupted\n"),
    ],
)
def test_an_error_is_one_sentence(verb, monkeypatch, capsys, error, status, message):
    monkeypatch.setattr(verb, "error", error)
    assert command.main(["raise", "it"]) == status
    assert capsys.readouterr().err == message


@pytest.mark.usefixtures("verb")
def test_wrong_options_end_with_status_2(capsys):
    with pytest.raises(SystemExit) as caught:
        command.main(["raise", "it", "--number", "x"])
    assert caught.value.code == 2
    assert "usage: polytask raise it" in capsys.readouterr().err


def test_a_verb_whose_parts_are_missing_is_listed_and_says_which(installed, capsys):
    def load():
        import no_such_part  # noqa: F401, PLC0415

    installed(command, "learn", load)
    assert command.main([]) == 0
    assert "polytask learn" in capsys.readouterr().out
    assert command.main(["learn"]) == 2
    assert "`polytask learn` cannot be imported: No module named 'no_such_part'" in (
        capsys.readouterr().err
    )
