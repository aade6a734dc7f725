"""Each switch of the computing changes how fast an expert learns, and not what it learns."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from polytask_learning.agents.expert import Expert
from polytask_learning.compute import ComputeSettings
from polytask_learning.networks.actor import Actor
from polytask_learning.networks.critic import Critic
from polytask_learning.networks.encoder import PictureEncoder, StateEncoder
from polytask_learning.settings import ExpertSettings, InvalidSetting
from polytask_learning.training.checkpoint import read_checkpoint, same, write_checkpoint
from polytask_learning.types import Batch

SEEN, ACTION, SIDE = 2, 2, 24
SETTINGS = ExpertSettings(
    hidden=(32, 32), critic_hidden=(32, 32), critic_first=10, learning_rate=3e-3
)
# With an encoder that imitates: so slowly that what is rounded otherwise does not lead elsewhere.
SLOW = replace(SETTINGS, learning_rate=3e-4)
APART = ExpertSettings(
    hidden=(32, 32),
    critic_hidden=(32, 32),
    critic_first=0,
    learning_rate=1e-3,
    demonstrated=0.0,
    layer_norm=False,
    normalise_value=False,
)
# Follows values rather than demonstrations, and is judged as it is, not as a slow average.
EAGER = replace(SETTINGS, imitation=0.01, average_rate=1.0)
PLAIN = ComputeSettings()
HALF = ComputeSettings(precision="bfloat16")
SWITCHES = {
    "channels last": ComputeSettings(channels_last=True),
    "bfloat16": HALF,
    "both": ComputeSettings(precision="bfloat16", channels_last=True),
}
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


def make(compute=PLAIN, settings=SETTINGS, *, pictures=False, seed=0):
    torch.manual_seed(0)
    if pictures:
        encoder = PictureEncoder(3, (SIDE, SIDE), 16)
        return Expert(encoder, 16, ACTION, settings, seed, compute=compute)
    encoder = StateEncoder(torch.zeros(SEEN), torch.ones(SEEN))
    return Expert(encoder, SEEN, ACTION, settings, seed, compute=compute)


def bandit(count, random, *, pictures=False):
    """Return transitions of one step each; the reward falls with the distance to 0.5."""
    if pictures:
        shape = (count, 3, SIDE, SIDE)
        seen = torch.tensor(random.integers(0, 256, shape), dtype=torch.uint8)
    else:
        seen = torch.tensor(random.uniform(-1, 1, (count, SEEN)), dtype=torch.float32)
    action = torch.tensor(random.uniform(-1, 1, (count, ACTION)), dtype=torch.float32)
    reward = -((action - 0.5) ** 2).sum(1, keepdim=True)
    discount = torch.full((count, 1), 0.5)
    return Batch(seen, action, reward, discount, seen, torch.zeros(count, dtype=torch.int64))


def course(expert, count=25, *, pictures=False):
    """Return the metrics of `count` updates, a row each, on the same batches for every expert."""
    random, rows = np.random.default_rng(1), []
    for _ in range(count):
        batch = bandit(24, random, pictures=pictures)
        rows.append(expert.update(batch, bandit(8, random, pictures=pictures)))
    names = rows[-1].keys()
    return torch.tensor([[row[name] for name in names] for row in rows if row.keys() == names])


@pytest.mark.parametrize("settings", [SETTINGS, APART], ids=["within", "beside"])
@pytest.mark.parametrize("pictures", [False, True], ids=["states", "pictures"])
def test_the_order_in_memory_changes_losses_by_rounding_alone(settings, pictures):
    expected = course(make(settings=settings, pictures=pictures), pictures=pictures)
    swapped = make(SWITCHES["channels last"], settings, pictures=pictures)
    found = course(swapped, pictures=pictures)
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "pictures"), [(SETTINGS, False), (SLOW, True), (APART, False), (APART, True)]
)
def test_losses_in_bfloat16_are_those_in_float32_within_a_twentieth(settings, pictures):
    expected = course(make(settings=settings, pictures=pictures), pictures=pictures)
    found = course(make(HALF, settings, pictures=pictures), pictures=pictures)
    assert not torch.equal(found, expected)
    size = expected.abs().mean(dim=0)
    assert ((found - expected).abs().mean(dim=0) < 0.05 * size + 0.01).all()


# Torch itself uses what it tells others not to, when its compiler is first imported.
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
def test_compiled_terms_give_the_same_losses_and_go_on_bit_for_bit(tmp_path):
    compiled = ComputeSettings(compile="default")
    settings = ExpertSettings(
        hidden=(8,), critic_hidden=(8,), critic_first=0, learning_rate=1e-3, layer_norm=False
    )
    expert = make(compiled, settings)
    expected = course(make(settings=settings), 12)
    assert torch.allclose(course(expert, 12), expected, rtol=1e-3, atol=1e-4)
    write_checkpoint(tmp_path / "expert", expert.state_dict())
    other = make(compiled, settings, seed=4)
    other.load_state_dict(read_checkpoint(tmp_path / "expert"))
    assert torch.equal(course(expert, 5), course(other, 5))
    assert same(expert.state_dict(), other.state_dict())


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_switch_goes_on_bit_for_bit_from_a_file(tmp_path, switch):
    expert = make(SWITCHES[switch], pictures=True)
    course(expert, 15, pictures=True)
    write_checkpoint(tmp_path / "expert", expert.state_dict())
    other = make(SWITCHES[switch], pictures=True, seed=5)
    other.load_state_dict(read_checkpoint(tmp_path / "expert"))
    assert torch.equal(course(expert, 15, pictures=True), course(other, 15, pictures=True))
    assert same(expert.state_dict(), other.state_dict())


def solved(compute):
    """Return the mean action after imitating 0.2, and after learning that 0.5 is better."""
    random, expert = np.random.default_rng(0), make(compute, EAGER)
    shown = bandit(16, random)._replace(action=torch.full((16, ACTION), 0.2))
    shown = shown._replace(
        reward=-((shown.action - 0.5) ** 2).sum(1, keepdim=True), discount=torch.zeros(16, 1)
    )
    for _ in range(100):
        expert.imitate(shown)
    seen = bandit(64, random).observation
    cloned = expert.act(seen, explore=False).mean().item()
    for _ in range(300):
        expert.update(bandit(64, random)._replace(discount=torch.zeros(64, 1)), shown)
    return cloned, expert.act(seen, explore=False).mean().item()


@pytest.mark.parametrize("compute", [PLAIN, HALF], ids=["float32", "bfloat16"])
def test_the_world_of_known_answer_is_solved(compute):
    cloned, improved = solved(compute)
    assert cloned == pytest.approx(0.2, abs=0.05)
    assert improved == pytest.approx(0.5, abs=0.12)


def test_acting_and_weights_stay_float32():
    exact, half = make(), make(HALF)
    seen = torch.rand(5, SEEN)
    assert torch.equal(exact.act(seen, explore=False), half.act(seen, explore=False))
    course(half, 12)
    kinds = {value.dtype for value in half.actor.state_dict().values()}
    assert kinds == {torch.float32}


def test_last_layers_are_not_rounded_to_bfloat16():
    features, actions = torch.randn(64, 6), torch.rand(64, ACTION)
    actor, critic = (
        Actor(6, (8,), ACTION, layer_norm=False),
        Critic(6, ACTION, (8,), layer_norm=False),
    )
    with HALF.autocast():
        outputs = actor(features), critic(features, actions)
        rounded = copy.deepcopy(actor.layers)(features)
    assert rounded.dtype == torch.bfloat16
    for output in outputs:
        assert output.dtype == torch.float32
        assert not torch.equal(output, output.bfloat16().float())


@pytest.mark.parametrize(
    ("switch", "message"),
    [
        ({"device": "tpu"}, "device is tpu; valid: cpu"),
        ({"device": "cuda:99"}, "device is cuda:99; valid: cpu"),
        ({"precision": "float16"}, "precision is float16; valid: float32, bfloat16"),
        ({"compile": "fast"}, "compile is fast; valid: off, default, reduce-overhead"),
        ({"channels_last": 3}, "channels_last is 3; valid: False, True"),
        ({"threads": 0}, "threads is 0; valid: at least 1"),
    ],
)
def test_a_switch_that_cannot_be_is_refused(switch, message):
    with pytest.raises(InvalidSetting, match=message):
        ComputeSettings(**switch)


def test_a_missing_gpu_is_refused_before_anything_is_made(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(InvalidSetting, match=r"device is cuda; valid: cpu$"):
        ComputeSettings(device="cuda")


@GPU
@pytest.mark.parametrize("compiling", ["off", "default", "reduce-overhead"])
def test_a_gpu_learns_the_known_answer_and_acts_for_the_processor(compiling):
    compute = ComputeSettings(device="cuda", compile=compiling)
    cloned, improved = solved(compute)
    assert cloned == pytest.approx(0.2, abs=0.05)
    assert improved == pytest.approx(0.5, abs=0.12)
    expert = make(compute)
    assert expert.act(torch.rand(5, SEEN), explore=True).device.type == "cpu"
    other = make(compute, seed=5)
    other.load_state_dict(expert.state_dict())
    assert same(expert.state_dict(), other.state_dict())
