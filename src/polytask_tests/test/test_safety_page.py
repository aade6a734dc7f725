"""Every stop is documented: what is measured of it, and what it says."""

import ast
import json
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
PROGRAM = runpy.run_path(str(ROOT / "docs" / "fill_safety.py"))
CASES = runpy.run_path(str(ROOT / "benchmarks" / "stop.py"))["CASES"]

# What ends an episode, stops the arm or refuses a command is said in these ways.
SAID_BY = {"WorldStopped", "CommandRefused", "ArmLost", "interrupt", "_give_up"}
RETURNED_BY = {"silence", "trouble", "lapse"}
CONSTANTS_OF = {"driver.py", "pilot.py"}


def pieces(node):
    """Return the fixed parts of a sentence."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return [part.value for part in node.values if isinstance(part, ast.Constant)]
    return []


def sentences(path):
    """Yield what the code in a file may say when something is stopped or refused."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in SAID_BY:
                yield pieces(node.args[0])
        elif isinstance(node, ast.FunctionDef) and node.name in RETURNED_BY:
            yield from (pieces(one.value) for one in ast.walk(node) if isinstance(one, ast.Return))
    if path.name in CONSTANTS_OF:
        yield from (pieces(node.value) for node in tree.body if isinstance(node, ast.Assign))


def said():
    files = [*ROOT.glob("src/polytask_ros/polytask_ros/*.py")]
    files += ROOT.glob("src/polytask_xarm_driver/polytask_xarm_driver/**/*.py")
    # What is valid is no part of what happened.
    found = (
        max((part.split("; valid")[0].strip(" :;,") for part in parts), key=len)
        for path in files
        for parts in sentences(path)
        if any(parts)
    )
    return sorted(set(found))


@pytest.mark.parametrize("words", said())
def test_what_a_stop_says_is_on_the_page(words):
    assert len(words.split()) > 1
    assert words in " ".join(PAGE.split())


def test_the_page_has_the_newest_times():
    assert PROGRAM["filled"](PAGE) == PAGE


def test_a_table_has_a_row_for_every_case_of_the_benchmark():
    row = {"n": 10, "median": 0.1, "p99": 0.2, "worst": 0.3}
    result = {"device": "a machine", "cases": {}}
    for name in CASES:
        result["cases"][name] = {"wire": {"n": 0}, "tool": row}
    lines = PROGRAM["table"](result).splitlines()
    for name in CASES:
        assert f"| {name} | - | 0.100, 0.200, 0.300 s | 10 |" in lines


def test_what_was_measured_is_every_case():
    path = ROOT / "docs" / "results" / "stop.json"
    if not path.is_file():
        assert "Not measured yet: `./run bench stop` does it." in PAGE
        return
    measured = json.loads(path.read_text(encoding="utf-8"))["cases"]
    assert list(measured) == list(CASES)
