"""Gradient surgery keeps what does not oppose, and takes away what does."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from polytask_learning.agents.surgery import without_conflicts


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


@given(some.integers(0, 1000))
def test_the_order_is_drawn_by_the_generator_alone(seed):
    gradients = torch.randn(5, 4, generator=torch.Generator().manual_seed(seed))
    one, other = (
        without_conflicts(gradients, torch.Generator().manual_seed(seed)) for _ in range(2)
    )
    assert torch.equal(one, other)
