"""What the documents say is there, is there."""

import json
import os
import re
import runpy
import subprocess
import sys
import types
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from polytask_contract.suites import find_suite
from polytask_learning.settings import FULL_RETURN
from polytask_learning.training.evaluate import Evaluation

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


RESULTS_PROGRAM = runpy.run_path(str(ROOT / "docs" / "fill_results.py"))
fill_results = RESULTS_PROGRAM["filled"]
LEARNED, README = (page.read_text(encoding="utf-8") for page in RESULTS_PROGRAM["PAGES"])
# Each part of the pages once.
EMPTY = "".join(f"<!-- filled: {part} -->\n<!-- end -->\n" for part in RESULTS_PROGRAM["PARTS"])


def test_the_pages_tell_the_newest_results_of_every_part():
    for page in (LEARNED, README):
        assert fill_results(page) == page
    marks = re.findall(r"<!-- filled: (\w+) -->", LEARNED + README)
    assert marks == list(RESULTS_PROGRAM["PARTS"])


def test_a_stale_result_is_found_and_written_anew():
    for page in (LEARNED, README):
        stale = page.replace(" of 16 |", " of 17 |")
        assert stale != page
        assert fill_results(stale) == page


def test_another_result_makes_another_page(tmp_path):
    result = json.loads((ROOT / "docs/results/metaworld_state.json").read_text(encoding="utf-8"))
    result["tasks"]["hammer"]["successes"] = 3
    (tmp_path / "metaworld_state.json").write_text(json.dumps(result), encoding="utf-8")
    assert "| `hammer` | 3 of 60 (" in fill_results(LEARNED, tmp_path)


def test_what_has_not_been_measured_says_so_and_tells_the_command(tmp_path):
    told = fill_results(LEARNED, tmp_path)
    for study in RESULTS_PROGRAM["STUDIES"]:
        assert f"Not measured yet: `./run study {study.words}` does it." in told
    assert "Not measured yet: `./run study learning metaw" in fill_results(README, tmp_path)


def test_the_pictures_of_variants_show_the_newest_results():
    program = runpy.run_path(str(ROOT / "docs" / "draw_variants.py"))
    drawn = {
        path.stem: path.read_text(encoding="utf-8") for path in program["PICTURES"].glob("*.svg")
    }
    assert drawn == program["drawn"]()
    kept = json.loads((ROOT / "docs/results/distill_kept.json").read_text(encoding="utf-8"))
    for policy in kept["variants"].values():
        policy["retention"] += 0.005
    assert program["drawing"](kept, "steps") != drawn["distill_kept"]


def test_a_mark_that_names_no_part_is_refused():
    with pytest.raises(KeyError, match="experiments"):
        fill_results("<!-- filled: experiments -->\n<!-- end -->\n")


def expert_row(seed):
    """Return one expert as the study of learning tells it: 19 of 20, the clone half of them."""
    row = {"seed": seed, "successes": 19, "episodes": 20, "mean_return": 700.0 + 20 * seed}
    row |= {"validated_clone": 0.5, "validated_best": 1.0, "steps": 5000, "steps_of_best": 2500}
    return row | {"seconds": 61.0 if seed else None}


def verdicts(successes, full_return):
    done = [number < successes for number in range(10)]
    result = {"seeds": list(range(10)), "verdicts": [{"held": one} for one in done]}
    result |= {"returns": [one * full_return for one in done], "full_return": full_return}
    return {"result": result}


def policy_of(claim):
    """Return a policy as `polytask evaluate` tells it: a task has 10 of 10, and later 9."""
    tasks, full = claim.all_tasks, FULL_RETURN.get(claim.suite, 0.0)
    stages = range(len(tasks)) if claim.lifelong else [0]
    rows = [
        {"stage": stage, "modality": goal, "task": task}
        | {"found": verdicts(10 if number == stage else 9, full), "expert": verdicts(10, full)}
        for stage in stages
        for goal in claim.goals
        for number, task in enumerate(tasks[: stage + 1] if claim.lifelong else tasks)
    ]
    figures = dict(zip(RESULTS_PROGRAM["MEASURES"], (0.04, 0.1, -0.04, 0.05), strict=True))
    return {"rows": rows, "goals": [{"modality": goal} | figures for goal in claim.goals]}


def made_up_results():
    """Return what the studies would write of such experts and policies, by the files' names."""
    from studies import distilling, learning, transfer  # noqa: PLC0415  # where only this test finds them

    results = {}
    for name, claim in learning.CLAIMS.items():
        experts = {task: [expert_row(0), expert_row(1)] for task in claim.all_tasks}
        results[name] = learning.result(claim, name, experts, 2)
    for name, claim in distilling.CLAIMS.items():
        for goal in claim.goals:
            about = distilling.result(claim, name, goal, [policy_of(claim)] * 2)
            if claim.variants:
                about = {"claim": claim.text, "variants": dict.fromkeys(claim.variants, about)}
            results[name + (f"_{goal}" if "image" in claim.goals else "")] = about
    row = {"seed": 0, "clone": 0.5, "clone_alone": 0.25, "area": 0.9, "area_alone": 0.8}
    row |= {"steps": 5000, "steps_alone": 7500, "forward_transfer": None}
    gains = {"door-unlock": 0.5, "door-open": None}
    tasks = {task: {"forward_transfer": gain, "experts": [row]} for task, gain in gains.items()}
    about = {"claim": "it begins as others", "forward_transfer": 0.5, "tasks": tasks}
    about["area_gain"] = transfer.area_gain([row, row])
    about |= {"seeds": [0, 1], "device": "one", "command": "./run study transfer --seeds 2"}
    return results | {"transfer_metaworld": about}


def test_every_part_tells_what_the_studies_write(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    commit = types.SimpleNamespace(stdout="0" * 40)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: commit)
    results = made_up_results()
    assert set(results) == {name for one in RESULTS_PROGRAM["STUDIES"] for name in one.files}
    for name, result in results.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(result), encoding="utf-8")
    page = fill_results(EMPTY, tmp_path)
    assert "Not measured yet" not in page
    parts = dict(re.findall(r"filled: (\w+) -->(.*?)<!-- end", page, flags=re.DOTALL))
    for part, lines in {
        "experts": (
            "| Meta-World from states | 15.20 of 16 | 15.6 of 16 | 25,000 to 75,000 | 2 | 40 |",
            "| `hammer` | 38 of 40 (84 to 99 %) | 50 % | 100 % | 2,500 | 61 |",
            "| Cheetahs from states | 2.13 of 3 (0.71 each) | 0.73 each | 250,000 | 2 | 40 |",
            "| `torso-5` | 710 | 700 to 720 | 2,500 | 61 |",
        ),
        "policies": (
            "| Meta-World | one-hot | 14.50 of 16 | 16.00 | 90.6 % | 102 % | 2 | 20 |",
            "| task | its experts | by one-hot | by language | by image |",
            "| `hammer` | 20 of 20 | 18 of 20 (70 to 97 %) | 18 of 20",
            "| Cheetahs | one-hot | 2.80 of 3 (0.93 each) | 3.00 | 93.3 % (86.7 to 98.3 %) |",
            "| Meta-World from pictures, taught from states | one-hot | ",
            "| `drawer-close` | 20 of 20 | 18 of 20 (70 to 97 %) |",
            "| `torso-5` | 1000 | 900 |",
        ),
        "joining": (
            "| Franka Kitchen | 5.50 of 6 | 6.00 | 91.7 % | 4.0 | 10.0 | -4.0 | 5.0 | 2 | 20 |",
            "| `top-burner` |  | 100 | 90 | 90 | 90 | 90 | 10.0 |",
            "| `kettle` |  |  |  |  |  | 100 | 0.0 |",
        ),
        "dependence": (
            "| 250 | 14.50 of 16 | 16.00 | 90.6 % | `door-open`, 18 of 20 (70 to 97 %) | 2 | 20 |",
        ),
        "transfer": (
            "Mean forward transfer: 0.50; the area grows by 0.100 (95 % interval 0.100 to 0.100);",
            "| `door-open` | - | 50 % | 25 % | 0.90 | 0.80 | 5,000 | 7,500 |",
        ),
        "learned": ("| one policy: xArm, asked by one-hot | 9.10 of 10 | 91.0 % | 2 | 20 |",),
    }.items():
        for line in lines:
            assert line in parts[part], f"{part}: {line}"


def returned(*returns, first=0):
    """Return an evaluation of tests with these returns, the first of them on the seed `first`."""
    seeds = tuple(range(first, first + len(returns)))
    return Evaluation(seeds, tuple({"held": False} for _ in returns), returns, 1000.0)


def test_what_is_left_of_experts_is_as_sure_as_policies_differ_from_them(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from studies._retention import retention_interval  # noqa: PLC0415  # where only tests find it

    expert = returned(*np.random.default_rng(0).uniform(1, 900, 50))
    slower = returned(*(0.99 * one for one in expert.returns))
    assert retention_interval([(slower, expert)]) == pytest.approx((0.99, 0.99))
    noisy = returned(*(one + 30 * (-1) ** number for number, one in enumerate(expert.returns)))
    low, high = retention_interval([(noisy, expert)])
    assert low < 1 < high
    # Four times the tests, half the width.
    narrower = retention_interval([(noisy, expert)] * 4)
    assert np.diff(narrower)[0] == pytest.approx((high - low) / 2, rel=0.1)
    with pytest.raises(ValueError, match=re.escape("the seeds are (5,) and (0,); valid: the same")):
        retention_interval([(returned(1.0, first=5), returned(1.0))])


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
