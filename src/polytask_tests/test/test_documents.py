"""What the documents say is there, is there."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from polytask_contract.suites import find_suite

ROOT = Path(__file__).resolve().parents[3]
GENERATOR = ROOT / "docs" / "generate_interfaces.py"
BUILT = {"build", "install", "log", "runs", "__pycache__"}


def files():
    """Return every file that somebody wrote."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(x for x in folders if x not in BUILT and not x.startswith("."))
        found += [Path(folder, name) for name in sorted(names)]
    return found


DOCUMENTS = [path for path in files() if path.suffix == ".md"]
TEXTS = {".cff", ".cfg", ".md", ".py", ".sh", ".svg", ".toml", ".txt", ".xml", ".yaml", ".yml"}
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
# Somebody's own folders, which nobody else has.
PRIVATE_PATH = re.compile(r"(?<![\w.$}])/(?:home|Users|root)/[\w.-]+")


def generate(*arguments):
    command = [sys.executable, GENERATOR, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_page_of_interfaces_is_as_it_would_be_written():
    assert generate("--check").stderr == ""


def test_a_stale_page_is_found_and_written_anew(tmp_path):
    page = tmp_path / "interfaces.md"
    page.write_text("# Interfaces\n")
    stale = generate("--check", "--page", page)
    assert stale.returncode == 1
    assert f"{page} is stale" in stale.stderr
    assert generate("--page", page).returncode == 0
    assert generate("--check", "--page", page).returncode == 0


def test_the_page_of_worlds_tells_the_newest_figures_of_every_task():
    program = runpy.run_path(str(ROOT / "docs" / "fill_worlds.py"))
    page = (ROOT / "docs" / "worlds.md").read_text(encoding="utf-8")
    assert program["filled"](page) == page
    for name in ("metaworld", "dmc", "kitchen", "xarm"):
        section = page.split(f"## `{name}`")[1].split("\n## ")[0]
        assert f"](pictures/worlds/{name}.png)" in section
        rows = re.findall(r"^\| `([\w-]+)` \|", section, flags=re.MULTILINE)
        assert tuple(rows) == find_suite(name).tasks


def test_a_figure_is_filled_in_from_the_studies_result():
    program = runpy.run_path(str(ROOT / "docs" / "fill_worlds.py"))
    rows = "## `xarm`\n| `reach` | near | old |\n| `unknown` | far | old |\n"
    filled = program["filled"](rows).splitlines()
    assert re.fullmatch(
        r"\| `reach` \| near \| \d+ of 50 \| .* % \| \d+ of 50 \| \d+ of 50 \| \d+ \|", filled[1]
    )
    assert filled[2] == "| `unknown` | far | old |"


def without_code(text):
    """Return a document without its blocks and words of code, where brackets are not links."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def anchors(document):
    """Return the anchors of a document's headings, as they are made on the web."""
    prose = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def leads_nowhere(document, link):
    """Tell whether a link of `document` leaves the repository, or misses what it names."""
    if re.match(r"[a-z]+:", link):
        return False
    place, _, anchor = link.partition("#")
    target = (document.parent / place).resolve() if place else document
    if not target.exists() or ROOT not in (target, *target.parents):
        return True
    return bool(anchor) and target.suffix == ".md" and anchor not in anchors(target)


def broken_links(document, text):
    """Return the links in `text`, a version of `document`, that lead nowhere."""
    links = [match[1] or match[2] for match in LINK.finditer(without_code(text))]
    return [link for link in links if leads_nowhere(document, link)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document):
    assert broken_links(document, document.read_text(encoding="utf-8")) == []


def test_a_link_that_leads_nowhere_is_found():
    text = '[a](src) [b](nowhere.md) [c](docs/interfaces.md#nowhere) <img src="no.svg">'
    text += " [d](https://example.org) `[e](f)` [g](#messages) [h](#nothing)"
    document = ROOT / "docs" / "interfaces.md"
    assert broken_links(ROOT / "README.md", text.replace("[g](#messages)", "")) == [
        "nowhere.md",
        "docs/interfaces.md#nowhere",
        "no.svg",
        "#nothing",
    ]
    assert broken_links(document, "[g](#messages) [h](#nothing)") == ["#nothing"]


def test_the_readme_lists_every_package():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[`(\w+)`\]\(src/(\w+)\)", text, flags=re.MULTILINE)
    there = sorted(path.parent.name for path in ROOT.glob("src/*/package.xml"))
    assert sorted(listed) == [(name, name) for name in there]


def test_decisions_are_numbered_once_each():
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [int(record.name[:4]) for record in records]
    assert numbers == sorted(set(numbers))
    for number, record in zip(numbers, records, strict=True):
        title = record.read_text(encoding="utf-8").splitlines()[0]
        assert title.startswith(f"# {number}. "), record.name


def test_the_citation_is_of_this_version():
    (version,) = {
        ET.parse(path).findtext("version")  # noqa: S314  # our own files
        for path in ROOT.glob("src/*/package.xml")
    }
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", citation, flags=re.MULTILINE) == [version]
    assert version in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def private_paths(text):
    """Return the folders of somebody's own that `text` names."""
    return PRIVATE_PATH.findall(text)


def test_no_file_names_a_folder_of_its_writer():
    found = {}
    for path in files():
        if path.suffix in TEXTS or path.name in ("run", "Dockerfile"):
            paths = private_paths(path.read_text(encoding="utf-8"))
            if paths:
                found[path.relative_to(ROOT).as_posix()] = paths
    assert found == {}


def test_a_folder_of_a_writer_would_be_found():
    for folder in ("home", "Users", "root"):
        assert private_paths(f"see /{folder}/me/notes.txt") == [f"/{folder}/me"]
    assert private_paths("$HOME/x ~/.cache a/home/b https://example.org/home/c") == []
