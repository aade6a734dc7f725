"""A run's folder belongs to one configuration, and outlives whoever writes to it."""

import pytest

from polytask_learning.training.checkpoint import BrokenCheckpoint
from polytask_learning.training.run_folder import METRICS, NoRun, OtherConfiguration, RunFolder

MANIFEST = {"suite": "point", "seed": 3, "hidden": (32, 32)}


def test_a_run_is_begun_once_and_opened_again(tmp_path):
    folder = RunFolder.begin(tmp_path / "runs" / "one", MANIFEST)
    assert folder.latest() is None
    folder.keep_latest({"steps": 5})
    assert RunFolder.begin(folder.path, MANIFEST).latest() == {"steps": 5}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 4}, "has seed 3, not 4"),
        ({"task": "north"}, "has task None, not 'north'"),
    ],
)
def test_a_run_of_another_configuration_is_refused_and_left_alone(tmp_path, change, message):
    folder = RunFolder.begin(tmp_path / "one", MANIFEST)
    before = sorted(path.read_bytes() for path in folder.path.iterdir())
    with pytest.raises(OtherConfiguration, match=message):
        RunFolder.begin(folder.path, MANIFEST | change)
    assert sorted(path.read_bytes() for path in folder.path.iterdir()) == before


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(OtherConfiguration, match="is no run, and not empty"):
        RunFolder.begin(tmp_path, MANIFEST)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_metrics_outlive_an_unfinished_line_and_are_told_once(tmp_path):
    folder = RunFolder.begin(tmp_path / "one", MANIFEST)
    for steps in (10, 20, 30):
        folder.tell({"steps": steps, "rate": 0.5})
    with (folder.path / METRICS).open("a") as file:
        file.write('{"steps": 40, "ra')
    folder.forget_after(20)
    folder.tell({"steps": 30, "rate": 0.6})
    assert [(line["steps"], line["rate"]) for line in folder.told()] == [
        (10, 0.5),
        (20, 0.5),
        (30, 0.6),
    ]


@pytest.mark.parametrize(
    "line",
    [b'{"steps": \xff}', b'{"st\xffeps": 15}', b"5", b'{"rate": 0.5}', b'{"steps": "15"}', b"[]"],
)
def test_damaged_metrics_are_passed_over(tmp_path, line):
    folder = RunFolder.begin(tmp_path / "one", MANIFEST)
    folder.tell({"steps": 10})
    with (folder.path / METRICS).open("ab") as file:
        file.write(line + b"\n")
    folder.tell({"steps": 20})
    assert [metrics["steps"] for metrics in folder.told()] == [10, 20]
    folder.forget_after(10)
    assert list(folder.told()) == [{"steps": 10}]


def test_a_damaged_checkpoint_is_refused(tmp_path):
    folder = RunFolder.begin(tmp_path / "one", MANIFEST)
    folder.keep_latest({"steps": 5})
    (folder.path / "checkpoints" / "latest.checkpoint").write_bytes(b"nonsense")
    with pytest.raises(BrokenCheckpoint, match=r"latest\.checkpoint is not a whole"):
        folder.latest()


def test_what_a_run_was_made_with_may_change(tmp_path):
    RunFolder.begin(tmp_path / "one", MANIFEST | {"made_with": {"torch": "1"}})
    again = RunFolder.begin(tmp_path / "one", MANIFEST | {"made_with": {"torch": "2"}})
    assert again.manifest["made_with"] == {"torch": "1"}


def test_a_folder_without_a_run_or_an_expert_is_named(tmp_path):
    with pytest.raises(NoRun, match=r"nowhere is no run: it has no manifest\.json"):
        RunFolder(tmp_path / "nowhere")
    folder = RunFolder.begin(tmp_path / "one", MANIFEST)
    with pytest.raises(NoRun, match="one has no expert yet"):
        folder.best()
    for damaged in ("{", "[]", "null"):
        (folder.path / "manifest.json").write_text(damaged)
        with pytest.raises(NoRun, match=r"manifest\.json is damaged"):
            RunFolder(folder.path)
