"""`polytask evaluate`: paired by seed, kept with the expert, and refused in one sentence."""

import json
import math
import shutil
from dataclasses import replace

import pytest

from polytask_contract.cli import command
from polytask_contract.success import RULES, wilson_interval
from polytask_learning.training.evaluate import Evaluation
from polytask_learning.training.evaluation_file import FOLDER, all_kept
from polytask_learning.training.paired import Paired, paired
from polytask_learning.training.run_folder import RunFolder

LEARN = ["--suite", "point", "--task", "north_east", "--evaluate-every", "200"]
FEW = ["--episodes", "4"]


def polytask(*words):
    return command.main(list(map(str, words)))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return two runs of a task, which differ in their seed."""
    root = tmp_path_factory.mktemp("evaluate")
    task = ["--suite", "point", "--task", "north_east", "--output", root / "D"]
    assert polytask("demos", "collect", *task) == 0
    for seed in (0, 1):
        words = ["--demonstrations", root / "D", "--steps", 200, "--seed", seed]
        assert polytask("learn", *LEARN, *words, "--output", root / str(seed)) == 0
    return root / "0", root / "1"


@pytest.fixture
def run(runs, tmp_path):
    """Return a copy of a run, to be changed."""
    shutil.copytree(runs[0], tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / FOLDER, ignore_errors=True)
    return tmp_path / "run"


def evaluation(verdicts):
    both = tuple({"any": verdict, "held": verdict} for verdict in verdicts)
    return Evaluation(tuple(range(len(both))), both, tuple(map(float, verdicts)))


def test_a_score_is_success_or_a_share_of_the_full_return():
    four = evaluation([True, True, True, False])
    assert (four.score("held"), four.score_interval("held")) == (0.75, wilson_interval(3, 4))
    of_ten = replace(four, returns=(2.0, 4.0, 6.0, 8.0), full_return=10.0)
    low, high = of_ten.score_interval("held")
    assert of_ten.score("held") == 0.5
    # 1.96 standard deviations of the mean, which are 2.58 / 2 of 10.
    assert (low, high) == pytest.approx((0.247, 0.753), abs=1e-3)
    assert replace(four, full_return=0.5, returns=(-9.0, 9.0, 9.0, 9.0)).score("any") == 1.0
    one = Evaluation((0,), ({"any": False, "held": False},), (3.0,), 10.0)
    assert one.score_interval("held") == (0.0, 1.0)


def refused(capsys, *words):
    status = polytask("evaluate", *words)
    (sentence,) = capsys.readouterr().err.splitlines()
    return status, sentence


def test_what_is_printed_is_wilsons_interval(run, capsys):
    assert polytask("evaluate", run, *FEW, "--seed", 500_007) == 0
    said = capsys.readouterr().out
    (kept,) = all_kept(RunFolder(run))
    assert kept.seeds == (500_007, 500_008, 500_009, 500_010)
    for rule in RULES:
        successes = sum(verdict[rule] for verdict in kept.result.verdicts)
        low, high = wilson_interval(successes, 4)
        assert f"{rule:<6} {successes} of 4 succeeded" in said
        assert f"interval {low:.1%} to {high:.1%}" in said
    assert "on seeds 500007 to 500010" in said


def test_runs_are_paired_by_seed(runs, tmp_path, capsys):
    found = tmp_path / "found.json"
    assert polytask("evaluate", *runs, *FEW, "--json", found) == 0
    said = json.loads(found.read_text())
    first, second = (one["result"] for one in said["runs"])
    assert first["seeds"] == second["seeds"] == [*range(500_000, 500_004)]
    assert [pair["rule"] for pair in said["pairs"]] == list(RULES)
    for pair in said["pairs"]:
        counts = [pair[name] for name in ("both", "only_first", "only_second", "neither")]
        assert sum(counts) == 4
        assert pair["both"] + pair["only_first"] == sum(
            verdict[pair["rule"]] for verdict in first["verdicts"]
        )
    assert f"{runs[0]} and {runs[1]}, held: both" in capsys.readouterr().out


def test_what_is_known_about_an_expert_is_read_unless_asked_again(run):
    assert polytask("evaluate", run, *FEW) == 0
    path = run / FOLDER / "500000-500003.json"
    whole = path.read_text()
    marked = json.loads(whole)
    marked["result"]["returns"][0] = 12345.0
    path.write_text(json.dumps(marked))
    assert polytask("evaluate", run, *FEW) == 0
    assert json.loads(path.read_text()) == marked
    assert polytask("evaluate", run, *FEW, "--again") == 0
    assert path.read_text() == whole


def test_another_expert_is_evaluated_anew(run, runs):
    assert polytask("evaluate", run, *FEW) == 0
    name = "checkpoints/best.checkpoint"
    shutil.copy(runs[1] / name, run / name)
    assert all_kept(RunFolder(run)) == []
    assert polytask("evaluate", run, *FEW) == 0
    (kept,) = all_kept(RunFolder(run))
    assert kept.expert == RunFolder(runs[1]).best_hash()


@pytest.mark.parametrize(
    "words",
    [
        ["--seed", 0, "--episodes", 1],
        ["--seed", 499_999, "--episodes", 1],
        ["--seed", 999_990, "--episodes", 11],
        ["--seed", 2_000_000, "--episodes", 1],
    ],
)
def test_seeds_of_demonstrations_validation_and_training_are_refused(run, capsys, words):
    status, sentence = refused(capsys, run, *words)
    assert status == command.MISUSED
    assert "valid: 1 episode or more on seeds 500000 to 999999" in sentence
    assert not (run / FOLDER).exists()


def test_the_last_seed_before_validation_is_free(run):
    assert polytask("evaluate", run, "--seed", 999_999, "--episodes", 1) == 0


def test_no_episodes_are_refused(run, capsys):
    with pytest.raises(SystemExit) as ending:
        polytask("evaluate", run, "--episodes", 0)
    assert ending.value.code == command.MISUSED
    assert "0 is not valid; valid: 1 or more" in capsys.readouterr().err


def test_what_is_no_run_is_refused_before_anything_is_done(run, tmp_path, capsys):
    status, sentence = refused(capsys, run, tmp_path / "nothing", *FEW)
    assert (status, "nothing is no run: it has no manifest.json" in sentence) == (1, True)
    assert not (run / FOLDER).exists()


def test_a_run_without_an_expert_is_refused(run, capsys):
    (run / "checkpoints" / "best.checkpoint").unlink()
    assert "has no expert yet" in refused(capsys, run, *FEW)[1]


def test_a_damaged_expert_is_refused(run, capsys):
    path = run / "checkpoints" / "best.checkpoint"
    path.write_bytes(path.read_bytes()[:-1])
    status, sentence = refused(capsys, run, *FEW)
    assert status == 1
    assert "best.checkpoint is not a whole checkpoint" in sentence


def test_a_suite_that_is_not_installed_is_named(run, capsys):
    path = run / "manifest.json"
    path.write_text(path.read_text().replace('"point"', '"elsewhere"'))
    assert "there is no suite 'elsewhere'; valid: " in refused(capsys, run, *FEW)[1]


def test_a_suite_that_has_changed_is_refused(run, capsys):
    path = run / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["form"]["control_period"] = 0.5
    path.write_text(json.dumps(manifest))
    assert "control_period of the suite point is " in refused(capsys, run, *FEW)[1]


@pytest.mark.parametrize("damage", ["{", "{}", '{"result": {"seeds": [1]}}', "[]"])
def test_a_damaged_evaluation_is_refused_and_mended_by_again(run, capsys, damage):
    assert polytask("evaluate", run, *FEW) == 0
    path = run / FOLDER / "500000-500003.json"
    whole = path.read_text()
    path.write_text(damage)
    capsys.readouterr()
    assert "500000-500003.json is no evaluation" in refused(capsys, run, *FEW)[1]
    assert polytask("evaluate", run, *FEW, "--again") == 0
    assert path.read_text() == whole


def test_what_is_kept_of_other_seeds_under_a_files_name_is_not_taken_for_it(run):
    assert polytask("evaluate", run, *FEW) == 0
    path = run / FOLDER / "500000-500003.json"
    whole = path.read_text()
    other = json.loads(whole)
    other["result"]["seeds"] = [1, 2, 3, 4]
    path.write_text(json.dumps(other))
    assert polytask("evaluate", run, *FEW) == 0
    assert path.read_text() == whole


def test_pairs_are_counted_seed_by_seed():
    first, second = evaluation([True, True, False, False]), evaluation([True, False, True, False])
    assert paired(first, second, "held") == Paired(1, 1, 1, 1)
    with pytest.raises(ValueError, match="the seeds are"):
        paired(first, evaluation([True]), "held")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(0, 0, 1.0), (1, 0, 1.0), (5, 5, 1.0), (0, 6, 2 / 64), (9, 1, 22 / 1024)],
)
def test_the_sign_test_is_exact_and_two_sided(first, second, expected):
    assert math.isclose(Paired(3, first, second, 4).p_value, expected)
    assert math.isclose(Paired(3, second, first, 4).p_value, expected)
