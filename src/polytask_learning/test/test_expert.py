"""What an expert is trained by, and that it learns where the answer is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from polytask_learning.agents import losses
from polytask_learning.agents.expert import Expert
from polytask_learning.networks.encoder import PictureEncoder, StateEncoder
from polytask_learning.settings import PRESETS, ExpertSettings, InvalidSetting
from polytask_learning.training.checkpoint import read_checkpoint, same, write_checkpoint
from polytask_learning.types import Batch

# Judged as it is, not as an average that follows it slowly.
SMALL = ExpertSettings(
    hidden=(32, 32),
    critic_hidden=(32, 32),
    critic_first=20,
    learning_rate=3e-3,
    average_rate=1.0,
)
SEEN, ACTION = 2, 2


def make(settings=SMALL, seed=0):
    encoder = StateEncoder(torch.zeros(SEEN), torch.ones(SEEN))
    return Expert(encoder, SEEN, ACTION, settings, seed)


def bandit(count, random, best=0.5):
    """Return transitions of a world of one step: the reward falls with the distance to `best`."""
    seen = torch.tensor(random.uniform(-1, 1, (count, SEEN)), dtype=torch.float32)
    action = torch.tensor(random.uniform(-1, 1, (count, ACTION)), dtype=torch.float32)
    reward = -((action - best) ** 2).sum(1, keepdim=True)
    nothing = torch.zeros(count, 1)
    return Batch(seen, action, reward, nothing, seen, torch.zeros(count, dtype=torch.int64))


def test_the_smaller_twin_is_believed_and_an_ended_task_is_worth_nothing_more():
    values = torch.tensor([[[1.0], [5.0]], [[3.0], [2.0]]])
    reward, discount = torch.tensor([[1.0], [1.0]]), torch.tensor([[0.5], [0.0]])
    target = losses.bellman_target(reward, discount, values)
    assert torch.equal(target, torch.tensor([[1.5], [1.0]]))


def test_the_critics_loss_sums_both_twins_errors():
    values = torch.tensor([[[1.0], [2.0]], [[0.0], [0.0]]])
    assert losses.critic_loss(values, torch.zeros(2, 1)).item() == pytest.approx(2.5)


def test_imitation_is_a_likelihood():
    actions, shown = torch.zeros(3, 2), torch.full((3, 2), 0.1)
    normal = torch.distributions.Normal(actions, losses.WIDTH)
    constant = torch.distributions.Normal(shown, losses.WIDTH).log_prob(shown).sum(1).mean()
    expected = constant - normal.log_prob(shown).sum(1).mean()
    assert losses.imitation_loss(actions, shown).item() == pytest.approx(expected.item(), rel=1e-5)


def test_noise_stays_within_its_bound_and_actions_within_theirs():
    means = torch.linspace(-1, 1, 1000)[:, None]
    noise = losses.noise(means.shape, 0.5, 0.3, torch.Generator().manual_seed(0))
    noisy = losses.explored(means, noise)
    assert noisy.abs().max() <= 1
    assert (noisy - means).abs().max() <= 0.3 + 1e-6
    assert (noisy - means).abs().max() > 0.25


def test_a_normalised_value_has_the_size_of_one_and_the_direction_of_the_value():
    values = torch.full((2, 4, 1), 200.0, requires_grad=True)
    loss = losses.value_loss(values, normalise=True)
    assert loss.item() == pytest.approx(-1.0)
    loss.backward()
    assert values.grad.sum() < 0


def test_imitation_alone_reproduces_the_demonstrated_actions():
    random = np.random.default_rng(0)
    expert, shown = make(), bandit(64, random)
    shown = shown._replace(action=(shown.observation * 0.5))
    for _ in range(300):
        metrics = expert.imitate(shown)
    actions = expert.act(shown.observation, explore=False)
    assert (actions - shown.action).abs().mean() < 0.05
    assert metrics["imitation_loss"] < 0.5


def test_reinforcement_finds_what_the_demonstrations_miss():
    random = np.random.default_rng(0)
    expert = make()
    shown = bandit(16, random)
    shown = shown._replace(action=torch.full((16, ACTION), 0.2))
    shown = shown._replace(reward=-((shown.action - 0.5) ** 2).sum(1, keepdim=True))
    for _ in range(100):
        expert.imitate(shown)
    cloned = expert.act(shown.observation, explore=False).mean().item()
    for _ in range(400):
        expert.update(bandit(64, random), shown)
    improved = expert.act(bandit(64, random).observation, explore=False).mean().item()
    assert cloned == pytest.approx(0.2, abs=0.05)
    assert improved == pytest.approx(0.5, abs=0.12)


def test_the_actor_waits_until_the_critic_has_learnt_something():
    random = np.random.default_rng(0)
    expert = make()
    seen = bandit(8, random).observation
    before = expert.act(seen, explore=False)
    for _ in range(SMALL.critic_first):
        expert.update(bandit(16, random), bandit(4, random))
    assert torch.equal(expert.act(seen, explore=False), before)
    expert.update(bandit(16, random), bandit(4, random))
    assert not torch.equal(expert.act(seen, explore=False), before)


def seeing(settings):
    """Return an expert of small pictures, and what makes a bandit's batch of them by colour."""
    torch.manual_seed(0)
    expert = Expert(PictureEncoder(3, (24, 24), 16), 16, ACTION, settings, 0)

    def pictured(count, random):
        batch = bandit(count, random)
        colours = torch.cat([batch.observation, torch.zeros(count, 1)], dim=1) * 100 + 128
        pictures = colours.to(torch.uint8)[:, :, None, None].expand(-1, -1, 24, 24)
        return batch._replace(observation=pictures, next_observation=pictures)

    return expert, pictured


@pytest.mark.parametrize(("critic_first", "updates"), [(200, 200), (0, 200)])
def test_an_encoder_that_learns_values_does_not_leave_behind_what_was_cloned(critic_first, updates):
    random = np.random.default_rng(0)
    # What the actor does is judged by imitation alone, and the critic has much to learn.
    settings = replace(SMALL, critic_first=critic_first, value=0.0, average_rate=0.02)
    expert, pictured = seeing(settings)
    shown = pictured(16, random)
    shown = shown._replace(action=shown.observation[:, :2, 0, 0] / 128 - 1)
    for _ in range(150):
        expert.imitate(shown)

    def error():
        return (expert.act(shown.observation, explore=False) - shown.action).square().mean().item()

    cloned = error()
    for _ in range(updates):
        expert.update(pictured(16, random), shown)
    assert cloned < 0.005
    assert error() < 0.02


def test_an_expert_goes_on_bit_for_bit_where_it_was_saved(tmp_path):
    expert, random = make(), np.random.default_rng(0)
    batches = [(bandit(16, random), bandit(4, random)) for _ in range(60)]
    for batch, shown in batches[:30]:
        expert.update(batch, shown)
    write_checkpoint(tmp_path / "expert", expert.state_dict())
    other = make(seed=5)
    other.load_state_dict(read_checkpoint(tmp_path / "expert"))
    for batch, shown in batches[30:]:
        assert expert.update(batch, shown) == other.update(batch, shown)
    assert same(expert.state_dict(), other.state_dict())


def test_the_same_seed_draws_the_same_expert_and_leaves_other_chance_alone():
    torch.manual_seed(3)
    first = torch.rand(1)
    torch.manual_seed(3)
    one, two, other = make(seed=1), make(seed=1), make(seed=2)
    assert torch.equal(torch.rand(1), first)
    assert same(one.state_dict(), two.state_dict())
    assert not same(one.state_dict(), other.state_dict())


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_trains_from_pictures(preset):
    settings = PRESETS[preset]
    encoder = PictureEncoder(9, (36, 36), 16)
    expert = Expert(encoder, 16, ACTION, settings, 0)
    before = encoder.trunk[0].weight.clone()
    pictures = torch.randint(0, 256, (4, 9, 36, 36), dtype=torch.uint8)
    batch = bandit(4, np.random.default_rng(0))
    batch = batch._replace(observation=pictures, next_observation=pictures)
    metrics = expert.update(batch, batch)
    assert np.isfinite(list(metrics.values())).all()
    assert not torch.equal(encoder.trunk[0].weight, before)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch": 0}, "batch is 0; valid: above 0"),
        ({"discount": 1.5}, "discount is 1.5; valid: 0 to 1"),
        ({"hidden": (256, 0)}, r"hidden is \(256, 0\); valid: widths above 0"),
        ({"imitation": -1.0}, "imitation is -1.0; valid: at least 0"),
    ],
)
def test_settings_that_no_training_can_use_are_refused(settings, message):
    with pytest.raises(InvalidSetting, match=message):
        ExpertSettings(**settings)
