"""What it costs a policy to act otherwise than its experts do."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from torch import nn
from torch.distributions import Bernoulli, kl_divergence

from polytask_learning.agents.distiller import Distiller
from polytask_learning.agents.losses import distillation_losses
from polytask_learning.data.lessons import Lesson
from polytask_learning.distil_settings import DISTANCES, DISTIL_PRESETS, DistilSettings
from polytask_learning.networks.unified import UnifiedActor, VectorGoal
from polytask_learning.settings import InvalidSetting, restored

each_distance = pytest.mark.parametrize("distance", DISTANCES)
unsquashed = some.floats(-6, 6, width=32)
taught = some.floats(-1, 1, width=32)


def of_one(distance, unsquashed, taught):
    return distillation_losses(torch.tensor([[unsquashed]]), torch.tensor([[taught]]), 1, distance)


@each_distance
@given(unsquashed)
def test_who_acts_as_the_expert_pays_nothing(distance, action):
    assert abs(of_one(distance, action, float(np.tanh(action))).item()) < 1e-5


@each_distance
@given(unsquashed, taught, some.floats(0, 1))
def test_nearer_to_the_expert_is_never_dearer(distance, action, expert, share):
    whole = np.arctanh(np.clip(expert, -0.99999, 0.99999))
    nearer = action + share * (whole - action)
    assert of_one(distance, nearer, expert) <= of_one(distance, action, expert) + 1e-4


@given(unsquashed, taught)
def test_the_square_is_that_of_actions(action, expert):
    assert of_one("squared", action, expert).item() == pytest.approx(
        (np.tanh(action) - expert) ** 2, abs=1e-5
    )


@given(unsquashed, taught)
def test_the_entropy_is_that_of_coins_with_the_actions_as_means(action, expert):
    theirs = Bernoulli(probs=torch.tensor((expert + 1) / 2, dtype=torch.float64))
    mine = Bernoulli(logits=torch.tensor(2 * action, dtype=torch.float64))
    expected = kl_divergence(theirs, mine).item()
    assert of_one("entropy", action, expert).item() == pytest.approx(expected, abs=1e-4)


@given(some.floats(-50, 50, width=32), some.sampled_from([-1.0, -0.5, 0.0, 1.0]))
def test_the_entropy_leads_as_far_as_the_action_is_wrong_even_at_its_bound(action, expert):
    leads = torch.tensor([[action]], requires_grad=True)
    distillation_losses(leads, torch.tensor([[expert]]), 1, "entropy").sum().backward()
    assert leads.grad.item() == pytest.approx(np.tanh(action) - expert, abs=1e-5)


@each_distance
def test_each_task_pays_for_its_own_rows(distance):
    actions, experts = torch.randn(6, 2), 2 * torch.rand(6, 2) - 1
    found = distillation_losses(actions, experts, 3, distance)
    apart = [
        distillation_losses(*rows, 1, distance)
        for rows in zip(actions.chunk(3), experts.chunk(3), strict=True)
    ]
    torch.testing.assert_close(found, torch.cat(apart))


def strength_left(distance):
    """Return how strong a policy's actions are beside those of an expert that goes to its bounds.

    The expert switches between the bounds along lines that the policy has no time to learn well.
    """
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    encoder = nn.Identity()
    encoder.features = 2
    actor = UnifiedActor(encoder, {"onehot": VectorGoal(1, 4)}, (32,), 1, layer_norm=True)
    distiller = Distiller(actor, DistilSettings(distance=distance), 300, 0)
    goal = torch.ones(1, 1)

    def lesson():
        seen = torch.from_numpy(random.uniform(-1, 1, (256, 2)).astype(np.float32))
        return Lesson(np.array([0]), seen, torch.tanh(20 * torch.sin(seen.sum(1, keepdim=True))))

    while not distiller.is_finished:
        distiller.update(lesson(), "onehot", goal)
    last = lesson()
    with torch.no_grad():
        done = actor(last.observations, "onehot", goal)
    return float(done.abs().mean() / last.actions.abs().mean())


def test_by_the_entropy_more_is_left_of_the_strength_of_an_expert_at_its_bounds():
    squared, entropy = map(strength_left, DISTANCES)
    assert 1 - entropy < 0.8 * (1 - squared)


def test_the_papers_preset_counts_as_the_paper():
    assert DISTIL_PRESETS["paper"].distance == "squared"
    assert DISTIL_PRESETS["fast"].distance == "entropy"


def test_a_manifest_from_before_means_squares():
    settings = DISTIL_PRESETS["fast"]
    saved = {name: value for name, value in asdict(settings).items() if name != "distance"}
    assert restored(DistilSettings, saved) == replace(settings, distance="squared")


def test_another_distance_is_refused():
    with pytest.raises(InvalidSetting, match="distance is absolute; valid: squared, entropy"):
        DistilSettings(distance="absolute")
