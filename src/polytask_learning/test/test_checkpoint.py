"""A checkpoint is there whole or not at all, and nothing in it is ever executed."""

import hashlib
import json
import pickle

import pytest
import torch
from safetensors.torch import save

from polytask_learning.training.checkpoint import (
    BrokenCheckpoint,
    read_checkpoint,
    same,
    write_checkpoint,
)

SHARED = torch.arange(6.0)
STATE = {
    "weights": {"first": torch.randn(3, 4), "mask": torch.tensor([True, False])},
    "optimiser": {"state": {0: {"step": torch.tensor(7)}, 1: {}}, "groups": [{"lr": 1e-4}]},
    "picture": torch.randint(0, 256, (2, 3), dtype=torch.uint8),
    "half": torch.randn(5).bfloat16(),
    "views": [SHARED[:3], SHARED[3:], SHARED.reshape(2, 3).T],
    "updates": 12,
    "name": "hammer",
    "nothing": None,
    "flag": True,
    "infinite": float("inf"),
}


def test_a_state_comes_back_bit_for_bit(tmp_path):
    path = tmp_path / "runs" / "state.checkpoint"
    write_checkpoint(path, STATE)
    assert same(read_checkpoint(path), STATE)


def test_same_sees_every_difference():
    assert same(STATE, dict(STATE))
    for name, other in (("updates", 13), ("flag", 1), ("picture", torch.zeros(2, 3)), ("name", "")):
        assert not same(STATE, STATE | {name: other})
    assert not same({"a": 1}, {"a": 1, "b": 2})


def test_a_newer_state_takes_the_place_of_an_older_one(tmp_path):
    path = tmp_path / "state.checkpoint"
    write_checkpoint(path, STATE)
    write_checkpoint(path, {"updates": 13})
    assert read_checkpoint(path) == {"updates": 13}
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.checkpoint"]


def test_what_cannot_be_kept_is_named_and_the_older_state_stays(tmp_path):
    path = tmp_path / "state.checkpoint"
    write_checkpoint(path, {"updates": 1})
    with pytest.raises(TypeError, match="cannot keep a set; valid: tensors"):
        write_checkpoint(path, {"seen": {1, 2}})
    assert read_checkpoint(path) == {"updates": 1}


def test_whatever_is_cut_off_or_changed_is_refused(tmp_path):
    path = tmp_path / "state.checkpoint"
    write_checkpoint(path, STATE)
    whole = path.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:length])
        with pytest.raises(BrokenCheckpoint, match="is not a whole checkpoint"):
            read_checkpoint(path)
    # Every byte of the checksum's line and of what JSON says, and some of the tensors'.
    end = whole.index(b"\n", whole.index(b"\n") + 1)
    for place in (*range(end + 1), *range(end, len(whole), 97)):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(BrokenCheckpoint, match="is not a whole checkpoint"):
            read_checkpoint(path)


def test_a_change_of_what_is_no_tensor_is_seen_by_the_checksum(tmp_path):
    path = tmp_path / "state.checkpoint"
    write_checkpoint(path, STATE)
    whole = path.read_bytes()
    assert whole.count(b'"updates", 12') == 1
    path.write_bytes(whole.replace(b'"updates", 12', b'"updates", 13'))
    with pytest.raises(BrokenCheckpoint, match="do not match its checksum"):
        read_checkpoint(path)


def test_a_checkpoint_of_the_older_format_is_read(tmp_path):
    path = tmp_path / "state.checkpoint"
    content = save({"0": torch.arange(3)})
    tree = {"table": [["updates", 12], ["weights", {"tensor": "0"}]]}
    head = {"format": 1, "sha256": hashlib.sha256(content).hexdigest(), "tree": tree}
    path.write_bytes(json.dumps(head).encode() + b"\n" + content)
    assert same(read_checkpoint(path), {"updates": 12, "weights": torch.arange(3)})


class Trap:
    """Does harm when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


def test_a_pickle_is_refused_unread(tmp_path):
    path = tmp_path / "state.checkpoint"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(BrokenCheckpoint):
        read_checkpoint(path)
    torch.save({"trap": torch.zeros(1)}, path)
    with pytest.raises(BrokenCheckpoint):
        read_checkpoint(path)
