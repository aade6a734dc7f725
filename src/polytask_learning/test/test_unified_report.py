"""The report of a unified policy says what is known of it, and of what it is not known."""

import json
import re
import shutil
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from polytask_contract.cli import command
from polytask_contract.seeds import TESTS
from polytask_learning.cli.compute_options import compute_of
from polytask_learning.cli.distill import Distill
from polytask_learning.cli.evaluate import Evaluate
from polytask_learning.cli.lifelong_add import LifelongAdd
from polytask_learning.cli.lifelong_practise import LifelongPractise
from polytask_learning.cli.report import Report
from polytask_learning.compute import ComputeSettings
from polytask_learning.distilling.distil import add, distil
from polytask_learning.distilling.request import DistilRequest
from polytask_learning.distilling.unified_folder import UnifiedFolder
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.reports.chart import log_ticks
from polytask_learning.reports.standing import most_known
from polytask_learning.reports.unified_commands import unified_commands
from polytask_learning.reports.unified_particulars import loss_charts
from polytask_learning.reports.unified_report import unified_report, write_unified_report
from polytask_learning.reports.verdict import percent
from polytask_learning.training.evaluate import Evaluation
from polytask_learning.training.evaluation_file import KeptEvaluation, keep
from polytask_learning.training.run_folder import RunFolder

TASKS = ("north_west", "south_east", "south_west")
GOALS = ("onehot", "index")
REQUEST = DistilRequest(goals=GOALS, hidden=(16,), updates=100, keep=500, seed=3)
VERBS = {
    ("distill",): Distill,
    ("lifelong", "add"): LifelongAdd,
    ("lifelong", "practise"): LifelongPractise,
    ("evaluate",): Evaluate,
    ("report",): Report,
}
EVIL = "<script>alert('\"&')</script>"


class Page(HTMLParser):
    """What a page fetches, its tags, its tables as rows of cells, and its text."""

    def __init__(self, text):
        super().__init__()
        self.fetched, self.tags, self.cells, self.said, self.styles = [], [], [], [], []
        self.inside = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        self.fetched += [found[name] for name in ("src", "href", "data", "poster") if name in found]
        if tag == "tr":
            self.cells.append([])
            self.styles.append([])
        if tag in ("th", "td"):
            self.inside = True
            self.cells[-1].append("")
            self.styles[-1].append((found.get("class"), found.get("style")))
        self.said.append(" " if tag in ("th", "td", "p") else "")

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("th", "td")

    def handle_data(self, data):
        self.said.append(data if self.lasttag != "style" else "")
        if self.inside:
            self.cells[-1][-1] += data

    @property
    def text(self):
        return " ".join("".join(self.said).split())

    def row(self, name, place=0):
        """Return the cells after the one that begins with `name`, in the place-th row of such."""
        return [cells[1:] for cells in self.cells if cells and cells[0].startswith(name)][place]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, make_teacher):
    """Return a place with a policy in `u` of two stages, and its experts."""
    root = tmp_path_factory.mktemp("unified")
    runs = [make_teacher(root / task, task, steps=300, goal=False) for task in TASKS]
    folder = distil(REQUEST, runs[:2], root / "u", lambda _: None)
    add(folder.path, runs[2], lambda _: None)
    return root


@pytest.fixture
def folder(whole, tmp_path):
    """Return a copy of the policy, to be changed, whose experts are copies, too."""
    shutil.copytree(whole, tmp_path / "all")
    for path in (tmp_path / "all" / "u" / "stages").glob("*/manifest.json"):
        path.write_text(path.read_text().replace(str(whole), str(tmp_path / "all")))
    return UnifiedFolder(tmp_path / "all" / "u")


def know(run, successes, count, part="", first=TESTS.start, full_return=0.0):
    """Keep that so many episodes in `run` succeeded, and what each success returned."""
    verdicts = tuple({"any": True, "held": place < successes} for place in range(count))
    returns = tuple(full_return * (place < successes) for place in range(count))
    result = Evaluation(tuple(range(first, first + count)), verdicts, returns, full_return)
    keep(run, KeptEvaluation(run.best_hash(), 1, {}, result), part)


def know_stage(folder, number, goal, *successes, count=10, full_return=0.0):
    stage = folder.stages()[number]
    for entry, good in zip(stage.tasks, successes, strict=True):
        if good is not None:
            part = f"{goal}/{entry['task']}"
            know(stage, good, count, part, full_return=full_return)


def know_experts(folder, *successes, count=10):
    for task, good in zip(TASKS, successes, strict=True):
        know(RunFolder(folder.path.parent / task), good, count)


def read(folder):
    return Page(unified_report(folder, videos=False))


def test_a_page_of_what_was_evaluated_needs_no_other_file(folder):
    words = ["--episodes", "2", "--stages", "all"]
    assert command.main(["evaluate", str(folder.path), *words]) == 0
    assert command.main(["report", str(folder.path)]) == 0
    text = (folder.path / "report.html").read_text()
    page = Page(text)
    assert page.tags.count("video") == len(TASKS)
    assert all(place.startswith("data:video/mp4;base64,") for place in page.fetched)
    assert not {"script", "link", "iframe", "img", "object", "base"} & set(page.tags)
    assert not re.search(r"url\(|@import|https?:", text)
    assert "default-src 'none'" in text
    assert "unknown" not in page.text
    assert "not evaluated" not in page.text
    # Titles and texts, tables and graphs are whole elements.
    figures = re.findall("<figure.*?</figure>", re.sub("<video.*?</video>", "", text))
    titles = [ET.fromstring(one).find("figcaption").text for one in figures]  # noqa: S314
    assert titles == [*TASKS, "Stage 0, 2 tasks", "Stage 1, 3 tasks"]


def test_the_headline_is_the_sum_of_rates_and_what_is_left_of_the_experts(folder):
    know_stage(folder, 1, "onehot", 9, 4, 10)
    know_stage(folder, 1, "index", 5, 5, 0)
    know_experts(folder, 10, 8, 10)
    page = read(folder)
    assert "Effective tasks 2.3of 3 tasks onehot: 2.3 of 3, which is 82 % of what its" in page.text
    assert "index: 1 of 3, which is 36 % of what its experts did" in page.text
    assert "on test seeds 500,000 to 500,009" in page.text
    assert page.row("index")[-1] == "1 of 3"
    expert, one_hot, index = page.row("south_east")
    assert [expert, one_hot, index] == [
        "8 of 10 (49 to 94 %)",
        "4 of 10 (17 to 69 %)",
        "5 of 10 (24 to 76 %)",
    ]


def test_where_returns_are_the_measure_tasks_are_counted_in_parts_of_a_full_one(folder):
    know_stage(folder, 0, "onehot", 10, 6, full_return=500.0)
    know_stage(folder, 1, "onehot", 10, 5, 3, full_return=500.0)
    page = read(folder)
    assert "1.8of 3 tasks" in page.text
    assert "The sum of its tasks' mean returns in parts of 500, asked by onehot goals" in page.text
    assert page.row(TASKS[1])[1].startswith("250 of 500 (")
    assert "Return in % by onehot goals" in page.text


def test_the_modality_with_most_that_is_known_leads(folder):
    know_stage(folder, 1, "onehot", 9, None, None)
    know_stage(folder, 1, "index", 5, None, 10)
    page = read(folder)
    assert "1.5of 2 tasks evaluated" in page.text
    assert "asked by index goals" in page.text
    assert "1 are unknown; polytask evaluate RUN --stages all finds that out" in page.text
    assert page.row("south_east") == ["unknown", "not evaluated", "not evaluated"]
    # Only what was asked in both ways is compared.
    assert page.row("onehot")[-1] == "0.9 of 1"
    assert page.row("index")[-1] == "0.5 of 1"


def test_before_an_evaluation_the_page_says_so_and_names_the_command(folder):
    page = read(folder)
    command_said = "polytask evaluate RUN --stages all finds that out."
    assert f"There is no evaluation yet; {command_said}" in page.text
    assert f"stage to stage was not evaluated; {command_said}" in page.text
    assert "Task by task" not in page.text
    assert "Kinds of goals" not in page.text
    assert page.row("weights") == [f"{UnifiedPolicy(folder.path).actor.size:,}"]
    assert float(page.row("time for an action")[0].split()[0]) > 0


def test_an_expert_that_is_gone_changed_or_not_evaluated_is_unknown(folder):
    know_stage(folder, 1, "onehot", 9, 4, 8)
    know_experts(folder, 10, 10, 10)
    gone, changed, other = (folder.path.parent / task for task in TASKS)
    shutil.rmtree(gone)
    RunFolder(changed).keep_best(RunFolder(changed).best() | {"progress": {"steps": 26}})
    know(RunFolder(changed), 10, 10)
    page = read(folder)
    assert [page.row(task)[0] for task in TASKS] == ["unknown", "unknown", "10 of 10 (72 to 100 %)"]
    said = "Expert unknown, the run is gone or has another expert now: north_west, south_east."
    assert said in page.text
    assert "which is 80 % of what its experts did where they are known, in 1 tasks" in page.text
    (other / "evaluations" / "500000-500009.json").rename(
        other / "evaluations" / "500000-500008.json"
    )
    page = read(folder)
    assert "Expert unknown, not evaluated on these seeds: south_west." in page.text
    assert "2.1 of 3, and what the experts did is unknown" in page.text


def test_kinds_of_goals_that_share_no_task_are_not_compared(folder):
    know_stage(folder, 1, "onehot", 9, None, None)
    know_stage(folder, 1, "index", None, 5, None)
    said = "No task was evaluated by all of them; polytask evaluate RUN --stages all finds that out"
    assert said in read(folder).text


def test_experts_that_do_nothing_leave_nothing_to_keep(folder):
    know_stage(folder, 1, "onehot", 0, 0, 0)
    know_experts(folder, 0, 0, 0)
    assert "0 of 3, and the experts did none of them" in read(folder).text


def test_the_heat_map_has_each_tasks_success_after_each_stage(folder):
    know_stage(folder, 0, "onehot", 10, 6)
    know_stage(folder, 1, "onehot", 7, 8, 10)
    page = read(folder)
    assert page.row("after stage") == ["0", "1"]
    place = 1  # after the row of the table before
    assert page.row("north_west", place) == ["100", "70"]
    assert page.row("south_east", place) == ["60", "80"]
    assert page.row("south_west", place) == ["not learnt yet", "100"]
    styles = page.styles[page.cells.index(["south_west", "not learnt yet", "100"])]
    assert styles[1:] == [("empty", None), ("joins", "--share: 100%")]
    # (0.3 - 0.2 + 0) / 3; the largest; (-0.3 + 0.2) / 2; (0.3 - 0.2) / 2
    names = ("forgetting", "worst drop", "backward transfer", "negative backward transfer")
    assert [page.row(name)[0] for name in names] == ["+0.033", "+0.300", "-0.050", "+0.050"]


def test_a_stage_that_was_not_evaluated_whole_has_question_marks(folder):
    know_stage(folder, 0, "onehot", 10, None)
    know_stage(folder, 1, "onehot", 5, 8, 10)
    page = read(folder)
    assert page.row("south_east", 1) == ["? not evaluated", "80"]
    assert page.row("forgetting")[0] == "+0.250"
    assert "Over 2 of 3 tasks" in page.text
    assert "A question mark says that nothing is known; polytask evaluate RUN" in page.text


def test_one_stage_has_no_heat_map(folder):
    shutil.rmtree(folder.path / "stages" / "001")
    know_stage(folder, 0, "onehot", 10, 5)
    page = read(folder)
    assert "1.5of 2 tasks" in page.text
    assert "From stage to stage" not in page.text
    assert "forgetting" not in page.text


def test_stages_on_different_seeds_are_not_compared(folder):
    know_stage(folder, 0, "onehot", 10, 10)
    know_stage(folder, 1, "onehot", 20, 20, 20, count=20)
    page = read(folder)
    assert "on test seeds 500,000 to 500,019" in page.text
    assert "stage to stage was not evaluated" in page.text


def test_the_seeds_are_those_on_which_most_is_known():
    few, many, other = tuple(range(3)), tuple(range(9)), tuple(range(20, 29))
    assert most_known([[few, many], [few], [other]]) == few
    assert most_known([[few, many], [few, many], [other]]) == many
    assert most_known([[other], [many]]) == many
    assert most_known([[], []]) == ()


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0.003, 0.2, [0.001, 0.01, 0.1, 1.0]),
        (0.01, 1.0, [0.01, 0.1, 1.0]),
        (0.02, 0.03, [0.01, 0.1]),
        (1.0, 1.0, [1.0, 10.0]),
    ],
)
def test_the_ticks_of_ratios_are_powers_of_ten_around_them(low, high, found):
    assert log_ticks(low, high) == pytest.approx(found)


def test_losses_are_drawn_in_ratios_and_in_differences_where_one_is_nothing(folder):
    stage = folder.stages()[1]
    (stage.path / "metrics.jsonl").unlink()
    for steps, loss in ((10.0, 0.1), (20.0, 0.01), (30.0, 0.001)):
        stage.tell({"steps": steps, "loss": loss, f"loss/{TASKS[0]}": loss})
    heights = [drawn(chart) for chart in loss_charts([stage], "squared")]
    assert heights == [[10.0, 100.0, 190.0]]
    stage.tell({"steps": 40.0, "loss": 0.0})
    (found,) = [drawn(chart) for chart in loss_charts([stage], "squared")]
    assert found[0] - found[1] == pytest.approx(10 * (found[1] - found[2]), abs=2)
    assert loss_charts([], "squared") == []


def test_a_loss_is_told_in_what_the_policy_counts(folder):
    assert "Stage 1, 3 tasks [nat]" in read(folder).text
    squares = str(*loss_charts(folder.stages()[1:], "squared"))
    assert "[squared error]" in squares


def test_a_tasks_goals_are_told_by_what_they_are(folder):
    (stage,) = folder.stages()[1:]
    manifest = json.loads((stage.path / "manifest.json").read_text())
    sentences, pictures, number = manifest["tasks"]
    sentences |= {"sentences": ["go there", "reach it"], "pictures": ["0" * 64]}
    pictures |= {"sentences": [], "pictures": ["0" * 64, "1" * 64]}
    number |= {"sentences": [], "pictures": []}
    (stage.path / "manifest.json").write_text(json.dumps(manifest))
    page = read(UnifiedFolder(folder.path))
    told = [next(row for row in reversed(page.cells) if row[:1] == [task])[2] for task in TASKS]
    assert told == ["go there; reach it; 1 picture", "2 pictures", "its number"]


def drawn(chart):
    """Return how far down the points of all tasks' loss lie."""
    return [
        float(place.partition(",")[2])
        for line in ET.fromstring(chart).iter("polyline")  # noqa: S314
        if line.get("class") == "first"
        for place in line.get("points").split()
    ]


def test_an_interval_that_ends_at_everything_is_said_to():
    assert percent(1 - 1e-15) == "100"


def test_without_videos_there_are_none(folder):
    page = read(folder)
    assert "video" not in page.tags
    assert "What it does" not in page.text


def test_where_a_task_cannot_be_filmed_the_page_says_why(folder, monkeypatch):
    make = UnifiedPolicy.environment

    def broken(policy, task, seed=0):
        environment = make(policy, task, seed)
        if task != TASKS[0]:
            environment._specification = None
            environment.close()
            return Unseen(environment)
        return environment

    class Unseen:
        def __init__(self, environment):
            self.specification = specification
            self.close = environment.close

    specification = make(UnifiedPolicy(folder.path), TASKS[0]).specification
    monkeypatch.setattr(UnifiedPolicy, "environment", broken)
    page = Page(unified_report(folder))
    assert page.tags.count("video") == 1
    said = "No video of south_east, south_west: suite 'point' cannot be photographed."
    assert said in page.text


def test_names_are_escaped(folder):
    for path in (folder.path / "stages").glob("*/manifest.json"):
        manifest = json.loads(path.read_text())
        for entry in manifest["tasks"]:
            if entry["task"] == TASKS[0]:
                entry |= {"task": EVIL, "sentences": [EVIL], "expert": EVIL}
        runs = manifest["made_with"]["runs"]
        runs[EVIL] = runs.pop(TASKS[0])
        path.write_text(json.dumps(manifest))
    know_stage(folder, 1, "onehot", None, 5, 5)
    know_stage(folder, 0, "onehot", None, 5)
    page = read(folder)
    assert "script" not in page.tags
    assert page.row(EVIL) == ["unknown", "not evaluated", "not evaluated"]
    assert page.text.count(EVIL) >= 4


def test_a_policy_that_was_stopped_has_a_report_too(folder):
    (folder.path / "stages" / "001" / "checkpoints" / "best.checkpoint").unlink()
    know_stage(folder, 0, "onehot", 10, 5)
    page = read(folder)
    assert "One policy, 2 tasks" in page.text
    assert "Stage 1 is not at its end" in page.text
    assert "Distilled from 2 experts. " in page.text
    assert "joined later" not in page.text
    assert [row[0] for row in page.cells if row[0] in TASKS] == [*TASKS[:2]] * 2
    assert "lifelong add" not in page.text
    assert "1.5of 2 tasks" in page.text
    (folder.path / "stages" / "000" / "checkpoints" / "best.checkpoint").unlink()
    shutil.rmtree(folder.path / "stages" / "001")
    text = read(folder).text
    assert "Stage 0 is not at its end" in text
    assert "Distilled from 2 experts." in text
    assert "Effective tasks" not in text
    shutil.rmtree(folder.path / "stages")
    assert "One policy, 0 tasks" in read(folder).text


def test_the_commands_are_understood_and_ask_for_the_same(folder, parsed):
    know_stage(folder, 1, "onehot", 10, 5, 3)
    page = unified_report(folder, videos=False)
    typed = re.findall("<span>(polytask .*?)</span>", page)
    done = dict(parsed(line, VERBS) for line in typed)
    assert list(done) == [("distill",), ("lifelong", "add"), ("evaluate",), ("report",)]
    first, added = done["distill",], done["lifelong", "add"]
    assert first.runs == [folder.path.parent / task for task in TASKS[:2]]
    assert added.expert == folder.path.parent / TASKS[2]
    assert added.run == first.output
    assert done["evaluate",].runs == done["report",].runs == [first.output]
    assert (done["evaluate",].episodes, done["evaluate",].seed) == (10, 500_000)
    assert done["evaluate",].stages == "all"
    assert compute_of(first) == ComputeSettings()
    asked = DistilRequest(
        observations=first.obs,
        goals=tuple(first.goal),
        preset=first.preset,
        hidden=tuple(first.hidden),
        updates=first.updates,
        keep=first.keep,
        surgery=first.pcgrad,
        seed=first.seed,
    )
    assert asked == REQUEST


def test_where_all_steps_were_kept_no_number_is_typed(folder):
    for path in (folder.path / "manifest.json", folder.path / "stages" / "001" / "manifest.json"):
        manifest = json.loads(path.read_text())
        manifest.get("request", manifest)["keep"] = 0
        path.write_text(json.dumps(manifest))
    page = unified_report(UnifiedFolder(folder.path), videos=False)
    assert "polytask lifelong add" in page
    assert "--keep" not in page


def test_what_was_practised_is_practised_again(folder, parsed):
    task, run = TASKS[2], folder.path / "practice" / TASKS[2]
    shutil.copytree(folder.path.parent / task, run)
    path = folder.path / "stages" / "001" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["made_with"]["runs"][task] = str(run)
    manifest["made_with"]["practised"] = True
    path.write_text(json.dumps(manifest))
    asked = json.loads((run / "manifest.json").read_text())
    asked["request"] |= {"demonstrations": 3, "reward": "ot", "steps": 777, "seed": 5}
    (run / "manifest.json").write_text(json.dumps(asked))
    about = ({"request": {}}, folder.stages(), range(5))
    name, options = parsed(unified_commands(*about)[1], VERBS)
    assert name == ("lifelong", "practise")
    assert (options.task, options.demos, options.reward) == (task, 3, "ot")
    assert (options.steps, options.seed, options.evaluate_every) == (777, 5, 2500)
    shutil.rmtree(run)
    name, options = parsed(unified_commands(*about)[1], VERBS)
    assert (name, options.task) == (("lifelong", "practise"), task)


@pytest.mark.parametrize(
    ("told", "typed"), [(False, "add"), (True, "practise"), (None, "practise")]
)
def test_what_was_practised_is_told_by_the_stage_and_not_by_where_a_run_is(
    folder, parsed, told, typed
):
    task, path = TASKS[2], folder.path / "stages" / "001" / "manifest.json"
    manifest = json.loads(path.read_text())
    assert manifest["made_with"].pop("practised") is False
    # Stages of earlier versions do not tell.
    manifest["made_with"] |= {} if told is None else {"practised": told}
    manifest["made_with"]["runs"][task] = f"/elsewhere/practice/{task}"
    path.write_text(json.dumps(manifest))
    line = unified_commands({"request": {}}, folder.stages(), range(5))[1]
    assert parsed(line, VERBS)[0] == ("lifelong", typed)


def test_what_the_preset_says_is_not_asked_for(folder, parsed):
    request = {"goals": ["onehot"], "hidden": [], "updates": 0, "surgery": True, "seed": 0}
    stages = folder.stages()
    line = unified_commands({"request": request}, stages[:1], range(5))[0]
    _, options = parsed(line, VERBS)
    assert "--hidden" not in line
    assert "--updates" not in line
    assert (options.pcgrad, options.seed) == (True, 0)


def test_a_report_replaces_the_one_before_and_leaves_nothing_beside_it(folder):
    before = {path.name for path in folder.path.iterdir()} | {"report.html"}
    path = write_unified_report(folder, videos=False)
    path.write_text("old")
    assert write_unified_report(folder, videos=False) == path
    assert path.read_text() != "old"
    assert {one.name for one in folder.path.iterdir()} == before
