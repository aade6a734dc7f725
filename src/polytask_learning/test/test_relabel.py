"""A relabelled run is a sample of its practice, with what its expert does."""

import hashlib
import json
import resource
import struct
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from polytask_contract.cli import command
from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.episode_file import read_episode, to_bytes
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.errors import PolyTaskError, UnknownName
from polytask_learning.compute import ComputeSettings
from polytask_learning.data.relabelled_data import RelabelledData
from polytask_learning.data.relabelled_file import BrokenData
from polytask_learning.data.reservoir import InvalidSample
from polytask_learning.settings import restored
from polytask_learning.training import relabel as relabel_module
from polytask_learning.training.acting import seen_in
from polytask_learning.training.assembly import make_expert
from polytask_learning.training.relabel import RunChanged, relabel
from polytask_learning.training.request import Request
from polytask_learning.training.run_folder import RunFolder
from polytask_learning.training.trained import TrainedExpert

LENGTHS = (7, 1, 12, 5)
PICTURED, PLAIN = ("pixels", (28, 24)), ("state", None)


def an_episode(steps, image, number=0):
    random = np.random.default_rng(number)
    seen = {
        "success": np.zeros(steps + 1, bool),
        "state": random.standard_normal((steps + 1, 4)).astype(np.float32),
    }
    if image:
        seen["image"] = random.integers(0, 256, (steps + 1, *image, 3), np.uint8)
    return Episode(
        suite="point",
        task="north_east",
        seed=number,
        source="policy",
        control_period=0.1,
        observations=seen,
        actions=random.uniform(-1, 1, (steps, 2)).astype(np.float32),
        rewards=np.zeros(steps),
        discounts=np.ones(steps),
    )


def keep_expert(folder, request, form, seed):
    expert = make_expert(replace(request, seed=seed), form, ComputeSettings())
    folder.keep_best({"expert": expert.state_dict(), "progress": {"steps": 25}})


def a_run(path, kind=PICTURED):
    """Make a run as learning leaves it, with what was shown beside it in a store."""
    observations, image = kind
    store = EpisodeStore(path.parent / "store")
    store.add(an_episode(3, image, 80))
    shown = store.add(an_episode(6, image, 90))
    request = Request("point", "north_east", observations=observations)
    form = an_episode(2, image).form
    hashes = [hashlib.sha256(shown.read_bytes()).hexdigest()]
    manifest = {
        "request": asdict(request),
        "settings": asdict(request.settings),
        "form": form._asdict(),
        "demonstrations": hashes,
    }
    folder = RunFolder.begin(path, manifest)
    keep_expert(folder, request, form, 0)
    folder.keep_latest({"progress": {"episodes": len(LENGTHS)}})
    folder.practised.mkdir(parents=True)
    for number, steps in enumerate(LENGTHS):
        practised(path, number).write_bytes(to_bytes(an_episode(steps, image, number)))
    return path


def practised(run, number):
    return run / "episodes" / "practised" / f"{number:06d}.safetensors"


@pytest.fixture(params=[PICTURED, PLAIN], ids=["pixels", "state"])
def run(request, tmp_path):
    return a_run(tmp_path / "run", request.param)


@pytest.fixture
def pictured(tmp_path):
    return a_run(tmp_path / "run")


def everything(run):
    """Return what the expert saw at each practised step, in order, and what it does there."""
    trained = TrainedExpert(run)
    episodes = [read_episode(practised(run, number)) for number in range(len(LENGTHS))]
    stack = trained.request.frame_stack
    seen = torch.cat([seen_in(episode, stack)[:-1] for episode in episodes])
    return seen, trained.expert.act(seen, explore=False)


def test_all_of_a_short_run_is_kept_as_the_expert_sees_and_does_it(run):
    data = RelabelledData(relabel(run))
    seen, actions = everything(run)
    assert len(data) == sum(LENGTHS) == len(seen)
    found = data.at(torch.arange(len(data)))
    assert torch.equal(found[0], seen)
    # Batches of another size may differ in the last bit.
    torch.testing.assert_close(found[1], actions)
    taken = [read_episode(practised(run, number)).actions for number in range(len(LENGTHS))]
    assert not np.allclose(found[1].numpy(), np.concatenate(taken), atol=0.1)


@pytest.mark.parametrize("keep", [1, 9, 20])
def test_of_a_long_run_so_many_different_steps_are_kept(run, keep):
    data = RelabelledData(relabel(run, keep))
    seen, actions = everything(run)
    found = data.at(torch.arange(len(data)))
    assert len(data) == len(found[0]) == keep
    flat = seen.flatten(1)
    places = [int((flat == one.flatten()).all(dim=1).nonzero()) for one in found[0]]
    assert places == sorted(set(places))
    torch.testing.assert_close(found[1], actions[places])


def test_each_picture_is_kept_once(pictured):
    data = RelabelledData(relabel(pictured))
    # The last observation of an episode shows what no action answered.
    assert len(data.parts["image"]) == sum(LENGTHS)
    assert data.parts["image"].dtype == torch.uint8


def test_a_sample_is_drawn_by_the_generator_alone(run):
    data = RelabelledData(relabel(run))
    one, other = (data.sample(64, np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])
    seen, _ = everything(run)
    drawn = np.random.default_rng(3).integers(len(data), size=64)
    assert torch.equal(one[0], seen[drawn])


def test_states_are_kept_beside_pictures_and_chosen_by_name(pictured):
    path = relabel(pictured)
    seen, actions = RelabelledData(path, "state").at(torch.arange(7))
    assert torch.equal(seen, torch.tensor(an_episode(7, (28, 24)).observations["state"][:-1]))
    assert torch.equal(actions, RelabelledData(path).at(torch.arange(7))[1])


def test_observations_that_are_not_there_are_refused(tmp_path):
    path = relabel(a_run(tmp_path / "run", PLAIN))
    with pytest.raises(UnknownName, match="no observation 'pixels'; valid: state"):
        RelabelledData(path, "pixels")


def test_the_goal_is_the_last_picture_of_the_runs_own_demonstration(pictured):
    store = EpisodeStore(pictured.parent / "store")
    assert RelabelledData(relabel(pictured)).goal_image is None
    data = RelabelledData(relabel(pictured, demonstrations=store))
    assert np.array_equal(data.goal_image, an_episode(6, (28, 24), 90).goal_image)


def test_the_label_says_what_it_is_of(run):
    label = RelabelledData(relabel(run, 9)).label
    best = (run / "checkpoints" / "best.checkpoint").read_bytes()
    assert label.expert == hashlib.sha256(best).hexdigest()
    assert (label.suite, label.task, label.keep, label.count) == ("point", "north_east", 9, 9)
    assert label.episodes == len(LENGTHS)
    assert restored(Request, label.request) == TrainedExpert(run).request
    assert label.form == TrainedExpert(run).form


def test_the_same_is_left_and_anything_else_written_anew(run):
    path = relabel(run, 9)
    first, content = path.stat().st_ino, path.read_bytes()
    assert relabel(run, 9).stat().st_ino == first
    assert relabel(run, 10).stat().st_ino != first
    assert relabel(run, 9).read_bytes() == content
    trained = TrainedExpert(run)
    keep_expert(RunFolder(run), trained.request, trained.form, 1)
    assert relabel(run, 9).read_bytes() != content
    path.write_bytes(content[:-1])
    assert RelabelledData(relabel(run, 9)).label.keep == 9


def test_what_is_made_already_needs_no_practice_any_more(run):
    path = relabel(run, 9)
    for number in range(len(LENGTHS)):
        practised(run, number).unlink()
    assert relabel(run, 9) == path


def test_what_was_forgotten_is_no_part_and_what_will_come_again_neither(run):
    practised(run, 0).unlink()
    practised(run, len(LENGTHS)).write_bytes(b"later than the checkpoint")
    assert len(RelabelledData(relabel(run))) == sum(LENGTHS[1:])


def test_pictures_stay_on_disk(pictured):
    path = relabel(pictured)
    data = RelabelledData(path)
    begin = data.parts["image"].data_ptr()
    lines = Path("/proc/self/maps").read_text().splitlines()
    spans = [line.split()[0].split("-") for line in lines if line.endswith(str(path))]
    assert any(int(low, 16) <= begin < int(high, 16) for low, high in spans)


def test_whatever_is_cut_off_or_changed_is_refused(run):
    path = relabel(run, 5)
    whole = path.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:length])
        with pytest.raises(BrokenData, match=r"relabelled.safetensors is not a whole relabelled"):
            RelabelledData(path)
    for place in {*range(0, 600, 7), *range(0, len(whole), max(1, len(whole) // 60))}:
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(BrokenData):
            RelabelledData(path)


def resealed(content, change):
    """Return the file with another label, and the checksum that it then has."""
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    label = json.loads(header["__metadata__"]["polytask"]) | change
    header["__metadata__"] = {"sha256": "0" * 64, "polytask": json.dumps(label)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    data = struct.pack("<Q", len(text)) + text + content[8 + length :]
    checksum = hashlib.sha256(data).hexdigest()
    return data.replace(b"0" * 64, checksum.encode(), 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "its format is 2; valid: 1"),
        ({"kind": "episode"}, "it is something else"),
        ({"count": 4}, r"valid: \(4, 3\) torch.int64"),
        ({"more": 1}, "it states count, episodes, .*more"),
        ({"form": 1}, "its form is 1"),
        ({"frame_stack": 0}, "it holds actions, image, rows, state; valid: actions, state"),
    ],
)
def test_a_label_that_does_not_fit_is_refused(pictured, change, message):
    path = relabel(pictured, 5)
    path.write_bytes(resealed(path.read_bytes(), change))
    with pytest.raises(BrokenData, match=message):
        RelabelledData(path)


def test_files_of_others_are_refused(run, tmp_path):
    save_file({"actions": np.zeros(3, np.float32)}, tmp_path / "other")
    for path in (practised(run, 0), tmp_path / "other"):
        with pytest.raises(BrokenData, match="is not a whole relabelled run"):
            RelabelledData(path)


def test_an_expert_that_comes_meanwhile_is_not_mistaken_for_the_one_that_acted(run, monkeypatch):
    trained = TrainedExpert(run)
    path = relabel(run, 4)
    content = path.read_bytes()

    def learnt_meanwhile(source):
        keep_expert(RunFolder(run), trained.request, trained.form, 7)
        return read_episode(source)

    monkeypatch.setattr(relabel_module, "read_episode", learnt_meanwhile)
    with pytest.raises(RunChanged, match="got a better expert meanwhile"):
        relabel(run, 5)
    assert path.read_bytes() == content


def test_a_full_disk_leaves_what_was_there(pictured):
    path = relabel(pictured, 4)
    content = path.read_bytes()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match=r"File too large: .*relabelled.safetensors"):
            relabel(pictured)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert path.read_bytes() == content
    assert [one.name for one in pictured.iterdir() if one.name.startswith(".")] == []


def spoil_episode(run):
    path = practised(run, 2)
    path.write_bytes(path.read_bytes()[:-1])


def swap_episode(run):
    practised(run, 2).write_bytes(to_bytes(an_episode(12, (30, 30))))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "checkpoints" / "best.checkpoint").unlink(), "has no expert yet"),
        (lambda run: practised(run, 2).unlink(), "has the episodes 0 to 3, not all, of 4"),
        (lambda run: practised(run, 3).unlink(), "has the episodes 0 to 2, not all, of 4"),
        (lambda run: [practised(run, n).unlink() for n in range(4)], "has no episodes, of 4 that"),
        (lambda run: (run / "checkpoints" / "latest.checkpoint").unlink(), "has no episodes, of 0"),
        (spoil_episode, "000002.safetensors is not a whole episode"),
        (swap_episode, "000002.safetensors is"),
        (lambda run: (run / "manifest.json").unlink(), "is no run: it has no manifest.json"),
    ],
)
def test_a_run_that_cannot_be_relabelled_is_refused_in_one_sentence(pictured, spoil, message):
    spoil(pictured)
    with pytest.raises(PolyTaskError, match=message) as refused:
        relabel(pictured)
    assert "\n" not in str(refused.value)
    assert not (pictured / "relabelled.safetensors").exists()


def test_nothing_kept_and_anothers_demonstrations_are_refused(pictured, tmp_path):
    with pytest.raises(InvalidSample, match="0 steps are to be kept; valid: 1 or more"):
        relabel(pictured, 0)
    with pytest.raises(PolyTaskError, match="elsewhere has not the demonstration of point"):
        relabel(pictured, demonstrations=EpisodeStore(tmp_path / "elsewhere"))


def test_the_verb_says_where_it_is_and_refuses_in_one_sentence(pictured, capsys):
    store = str(pictured.parent / "store")
    words = ["relabel", str(pictured), "--keep", "5", "--played", "0", "--demonstrations", store]
    assert command.main(words) == 0
    path = pictured / "relabelled.safetensors"
    assert (
        capsys.readouterr().out
        == f"{path}: 5 steps, 0 of 0 played episodes, with a picture of the goal\n"
    )
    assert command.main(["relabel", str(pictured.parent)]) == 1
    assert (
        capsys.readouterr().err
        == f"polytask: {pictured.parent} is no run: it has no manifest.json\n"
    )
    with pytest.raises(SystemExit):
        command.main(["relabel", str(pictured), "--keep", "0"])
    assert "0 is not valid; valid: 1 or more" in capsys.readouterr().err
