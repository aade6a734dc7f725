"""The report of a run is one file that needs no other, and says what the run says."""

import base64
import json
import re
import shutil
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import av
import pytest

from polytask_contract.cli import command
from polytask_contract.cli.demos_collect import CollectDemonstrations
from polytask_contract.success import wilson_interval
from polytask_learning.cli.compute_options import compute_of
from polytask_learning.cli.evaluate import Evaluate
from polytask_learning.cli.learn import Learn
from polytask_learning.cli.report import Report
from polytask_learning.compute import ComputeSettings
from polytask_learning.reports.commands import FLAGS, POLICY, commands
from polytask_learning.reports.headline import best_evaluation, headline
from polytask_learning.reports.run_report import report, write_report
from polytask_learning.reports.verdict import percent
from polytask_learning.training.request import Request
from polytask_learning.training.run_folder import RunFolder

# What fetches something when it is in an element.
FETCHING = {"src", "href", "xlink:href", "srcset", "data", "poster", "action", "background"}
VOID = {"meta", "br", "hr"}
VERBS = {
    ("demos", "collect"): CollectDemonstrations,
    ("evaluate",): Evaluate,
    ("learn",): Learn,
    ("report",): Report,
}


class Page(HTMLParser):
    """What is in a page: places that it fetches from, its videos, text, and whether it nests."""

    def __init__(self, text):
        super().__init__()
        self.fetched, self.videos, self.said, self.open, self.tags = [], [], [], [], set()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        found = dict(attrs)
        self.fetched += [value for name, value in found.items() if name in FETCHING]
        self.videos += [found["src"]] if tag == "video" else []
        self.open += [] if tag in VOID else [tag]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said.append(data)

    @property
    def text(self):
        return " ".join("".join(self.said).split())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("report")
    task = ["--suite", "point", "--task", "north_east"]
    assert command.main(["demos", "collect", *task, "--output", str(root / "D")]) == 0
    words = ["--demonstrations", str(root / "D"), "--output", str(root / "R")]
    assert command.main(["learn", *task, "--steps", "200", "--evaluate-every", "100", *words]) == 0
    return root / "R"


@pytest.fixture
def run(whole, tmp_path):
    """Return a copy of a run, to be changed."""
    shutil.copytree(whole, tmp_path / "run")
    return tmp_path / "run"


def changed(run, change):
    path = run / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def test_nothing_in_the_page_leaves_the_file(run):
    assert command.main(["report", str(run)]) == 0
    text = (run / "report.html").read_text()
    page = Page(text)
    assert page.videos
    assert all(place.startswith("data:video/mp4;base64,") for place in page.fetched)
    assert not {"script", "link", "iframe", "img", "object", "base"} & page.tags
    assert not re.search(r"url\(|@import|https?:", text)
    assert "default-src 'none'" in text


def test_charts_are_there_and_well_formed(run):
    page = report(RunFolder(run), videos=False)
    figures = re.findall("<figure.*?</figure>", page)
    titles = [ET.fromstring(one).find("figcaption").text for one in figures]  # noqa: S314
    assert titles[0] == "Success on the validation seeds"
    assert "Success while practising, with noise" in titles


def test_a_success_is_shown_and_a_missing_failure_is_said(run, tmp_path):
    page = Page(report(RunFolder(run)))
    (video,) = page.videos
    path = tmp_path / "video.mp4"
    path.write_bytes(base64.b64decode(video.partition(",")[2]))
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert frames[0].shape == (320, 320, 3)
    # The edge of the last picture says that the task is accomplished, that of the first does not.
    assert abs(frames[-1][:2].astype(int) - (74, 201, 126)).mean() < 15
    assert abs(frames[0][:2].astype(int) - (74, 201, 126)).mean() > 40
    assert "No failure in 20 episodes" in page.text


def test_a_failure_among_the_evaluated_seeds_must_be_one_when_it_is_filmed(run):
    assert command.main(["evaluate", str(run), "--episodes", "3"]) == 0
    path = run / "evaluations" / "500000-500002.json"
    kept = json.loads(path.read_text())
    kept["result"]["verdicts"][1] = {"any": False, "held": False}
    path.write_text(json.dumps(kept))
    page = Page(report(RunFolder(run)))
    assert "the episode of seed 500001 went another way when it was filmed" in page.text


def test_the_number_is_of_the_evaluation_with_most_episodes(run):
    for first, count in ((500_000, 3), (500_010, 5)):
        words = ["--episodes", str(count), "--seed", str(first)]
        assert command.main(["evaluate", str(run), *words]) == 0
    text = Page(report(RunFolder(run), videos=False)).text
    low, high = map(percent, wilson_interval(5, 5))
    assert f"100 %95 % interval {low} to {high} %" in text
    assert "on test seeds 500,010 to 500,014" in text
    assert "5 of 5 episodes" in text


def test_without_an_evaluation_the_validation_is_told_and_said_to_flatter(run):
    text = Page(report(RunFolder(run), videos=False)).text
    assert "on validation seeds 1,000,000 to 1,000,019. These chose it" in text


def test_the_best_is_the_later_of_equals_as_training_chooses_it():
    told = [
        {"steps": steps, "evaluation/held": held, "evaluation/any": 1.0}
        for steps, held in ((0.0, 0.5), (100.0, 0.75), (200.0, 0.75), (300.0, 0.7))
    ]
    assert best_evaluation(told)["steps"] == 200.0
    assert headline((), told).successes == {"any": 20, "held": 15}
    told[1]["evaluation/return"] = 3.0
    assert best_evaluation(told)["steps"] == 100.0
    told[1]["evaluation/episodes"] = 8.0
    shown = headline((), told)
    assert (shown.successes, shown.seeds) == ({"any": 8, "held": 6}, range(1_000_000, 1_000_008))
    assert headline((), []) is None


@pytest.mark.parametrize("lines", [0, 1, 3])
def test_a_run_that_was_stopped_early_has_a_report_too(run, lines):
    metrics = run / "metrics.jsonl"
    metrics.write_text("".join(metrics.read_text().splitlines(keepends=True)[:lines]))
    (run / "checkpoints" / "latest.checkpoint").unlink()
    if not lines:
        (run / "checkpoints" / "best.checkpoint").unlink()
    text = Page(report(RunFolder(run), videos=False)).text
    assert "not at its end: so far 0 of 200 steps" in text
    assert ("There is no evaluation yet." in text) == (lines == 0)


def test_where_the_expert_cannot_be_filmed_the_page_says_why(run):
    changed(run, lambda manifest: manifest["request"].update(suite="elsewhere"))
    page = Page(report(RunFolder(run)))
    assert page.videos == []
    assert "No video: there is no suite 'elsewhere'; valid: " in page.text


def test_names_are_escaped(run):
    evil = "<script>alert('\"&')</script>"
    changed(run, lambda manifest: manifest["request"].update(task=evil))
    changed(run, lambda manifest: manifest["settings"].update({evil: [evil]}))
    changed(run, lambda manifest: manifest.update(demonstrations=[evil], made_with={evil: evil}))
    page = Page(report(RunFolder(run), videos=False))
    assert "script" not in page.tags
    assert page.text.count(evil) >= 6


def test_what_was_asked_for_names_the_kind_of_world_and_leaves_nothing_blank(run):
    page = report(RunFolder(run), videos=False)
    asked, versions = page.split("Asked for")[1].split("Versions")
    assert [row in asked for row in (">simulated</", ">start</")] == [True, True]
    assert "simulated" not in versions.split("Settings")[0]
    assert "<td></td>" not in page


def test_a_report_replaces_the_one_before_and_leaves_nothing_beside_it(run):
    before = {path.name for path in run.iterdir()} | {"report.html"}
    path = write_report(RunFolder(run), videos=False)
    first = path.read_text()
    assert write_report(RunFolder(run), videos=False).read_text() == first
    assert {path.name for path in run.iterdir()} == before


def test_the_commands_are_understood_and_ask_for_the_same(parsed):
    request = Request(
        suite="point",
        task="north_east",
        demonstrations=3,
        observations="pixels",
        reward="ot",
        preset="paper",
        steps=777,
        seed=5,
        evaluate_every=111,
        evaluation_episodes=13,
        pictures=True,
        hidden=(8,),
        start="4e1",
    )
    # Whoever begins as a policy is as large as it.
    assert {field.name for field in fields(Request)} == {*FLAGS, "pictures", "hidden", "start"}
    compute = ComputeSettings(
        precision="bfloat16", channels_last=True, compile="default", threads=2
    )
    typed = commands(vars(request), vars(compute), range(7, 47))
    done = dict(parsed(line, VERBS) for line in typed)
    assert set(done) == set(VERBS)
    learn = done["learn",]
    assert compute_of(learn) == compute
    names = {"demonstrations": "demos", "observations": "obs"}
    wanted = vars(request) | {"task": [request.task]}
    for name in (*FLAGS, "pictures"):
        assert getattr(learn, names.get(name, name)) == wanted[name]
    assert learn.start_from == Path(POLICY)
    collect, evaluate = done["demos", "collect"], done["evaluate",]
    assert (collect.output, collect.count) == (learn.demonstrations, 3)
    assert evaluate.runs == done["report",].runs == [learn.output]
    assert (evaluate.seed, evaluate.episodes) == (7, 40)


def test_what_is_no_run_is_refused_in_one_sentence(tmp_path, capsys):
    assert command.main(["report", str(tmp_path)]) == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.endswith("is no run: it has no manifest.json")


@pytest.mark.parametrize(
    ("share", "said"), [(0.0, "0"), (0.002, "0.2"), (0.5, "50"), (0.998, "99.8"), (1.0, "100")]
)
def test_a_rate_near_an_end_is_not_rounded_to_it(share, said):
    assert percent(share) == said
