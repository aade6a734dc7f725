"""Gradient surgery keeps what does not oppose, and takes away what does."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from torch import nn

from polytask_learning.agents import distiller
from polytask_learning.agents.distiller import Distiller
from polytask_learning.agents.surgery import without_conflicts
from polytask_learning.data.lessons import Lesson
from polytask_learning.distil_settings import DistilSettings
from polytask_learning.networks.unified import UnifiedActor, VectorGoal


def operated(gradients, seed=0):
    return without_conflicts(torch.tensor(gradients), torch.Generator().manual_seed(seed))


def test_gradients_that_agree_are_left():
    assert torch.equal(operated([[1.0, 0.0], [1.0, 2.0]]), torch.tensor([1.0, 1.0]))


def test_two_that_oppose_lose_what_each_has_along_the_other():
    # (1, 0) along (-1, 1): -1/2 of it goes; (-1, 1) along (1, 0): -1 of it goes.
    found = operated([[1.0, 0.0], [-1.0, 1.0]])
    torch.testing.assert_close(found, torch.tensor([[0.5, 0.5], [0.0, 1.0]]).mean(dim=0))


def test_a_task_without_a_gradient_hinders_none():
    assert torch.equal(operated([[0.0, 0.0], [-2.0, 4.0]]), torch.tensor([-1.0, 2.0]))


@pytest.mark.parametrize("seed", range(5))
def test_of_two_tasks_none_is_opposed(seed):
    gradients = torch.randn(2, 7, generator=torch.Generator().manual_seed(seed))
    found = without_conflicts(gradients, torch.Generator().manual_seed(seed))
    assert (gradients @ found >= -1e-6).all()


def one_by_one(gradients, orders):
    """Algorithm 1 of the paper, word for word."""
    freed = [gradient.clone() for gradient in gradients]
    for task, order in enumerate(orders.tolist()):
        for other in order:
            if other != task and (along := freed[task] @ gradients[other]) < 0:
                freed[task] -= along / gradients[other].square().sum() * gradients[other]
    return torch.stack(freed).mean(dim=0)


@given(some.integers(0, 1000), some.integers(1, 9), some.integers(2, 50))
def test_many_are_freed_as_one_after_the_other(seed, tasks, weights):
    gradients = torch.randn(
        tasks, weights, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    orders = torch.rand(tasks, tasks, generator=torch.Generator().manual_seed(seed)).argsort(dim=1)
    found = without_conflicts(gradients, torch.Generator().manual_seed(seed))
    torch.testing.assert_close(found, one_by_one(gradients, orders))


@pytest.mark.parametrize("modality", ["onehot", "language"])
def test_what_is_freed_are_the_gradients_of_each_tasks_own_loss(monkeypatch, modality):
    torch.manual_seed(0)
    encoder = nn.Identity()
    encoder.features = 5
    goals = {"onehot": VectorGoal(3, 4), "language": VectorGoal(6, 4)}
    actor = UnifiedActor(encoder, goals, (8,), 2, layer_norm=True)
    lesson = Lesson(np.arange(3), torch.randn(12, 5), torch.rand(12, 2))
    wanted = torch.randn(3, 3 if modality == "onehot" else 6)
    monkeypatch.setattr(distiller, "without_conflicts", lambda found, _: found.mean(dim=0))
    found = {}
    for surgery in (False, True):
        one = Distiller(deepcopy(actor), DistilSettings(), 10, 0, surgery=surgery)
        losses = one.update(lesson, modality, wanted)
        gradients = [weight.grad for weight in one.actor.parameters()]
        found[surgery] = [losses, *(each for each in gradients if each is not None and each.any())]
    torch.testing.assert_close(found[True], found[False])


@given(some.integers(0, 1000))
def test_the_order_is_drawn_by_the_generator_alone(seed):
    gradients = torch.randn(5, 4, generator=torch.Generator().manual_seed(seed))
    one, other = (
        without_conflicts(gradients, torch.Generator().manual_seed(seed)) for _ in range(2)
    )
    assert torch.equal(one, other)
