"""The laws of optimal transport, and agreement with POT (Python Optimal Transport)."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from polytask_learning.rewards.errors import InvalidFeatures
from polytask_learning.rewards.sinkhorn import marginal_error, sinkhorn

with warnings.catch_warnings():
    # POT's docstrings have backslashes that Python objects to when it first compiles them.
    warnings.simplefilter("ignore")
    import ot

SIZES = [(1, 1), (1, 7), (7, 1), (5, 9), (126, 126), (60, 175)]
TYPES = [torch.float32, torch.float64]


def costs(rows, columns, batch=1, seed=0, kind=torch.float64):
    """Costs of 0 to 2, as a cosine's are."""
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(batch, rows, columns, generator=generator, dtype=kind)


def pot_plan(cost, epsilon, iterations):
    """POT's plan (T, T'); it never stops early."""
    shares = [np.full(length, 1 / length) for length in cost.shape]
    plan = ot.sinkhorn(
        *shares,
        cost.double().numpy(),
        epsilon,
        method="sinkhorn_log",
        numItermax=iterations,
        stopThr=0,
        warn=False,
    )
    return torch.from_numpy(plan)


@pytest.mark.parametrize("iterations", [1, 2, 10, 11, 100])
@pytest.mark.parametrize("size", SIZES)
def test_every_iteration_is_that_of_pot(size, iterations):
    cost = costs(*size)
    expected = pot_plan(cost[0], 0.01, iterations)
    torch.testing.assert_close(sinkhorn(cost, 0.01, iterations)[0], expected, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("size", SIZES)
def test_thirty_two_bits_agree_with_pot_to_five_digits_of_the_reward(size):
    cost = costs(*size, kind=torch.float32)
    expected = (cost[0] * pot_plan(cost[0], 0.01, 100)).sum(-1)
    found = (cost[0] * sinkhorn(cost)[0]).sum(-1).double()
    assert (found - expected).abs().max() < 1e-5 * expected.max()


def test_the_transport_cost_is_that_of_sinkhorn2():
    cost = costs(20, 30, kind=torch.float64)
    expected = ot.sinkhorn2(
        [], [], cost[0].numpy(), 0.1, method="sinkhorn_log", numItermax=2000, stopThr=1e-12
    )
    found = (cost * sinkhorn(cost, 0.1, 2000)).sum()
    assert found.item() == pytest.approx(expected, rel=1e-9)


def test_with_little_entropy_the_plan_is_the_exact_one():
    cost = costs(12, 12)
    exact = ot.emd2([], [], cost[0].numpy())
    plan = sinkhorn(cost, 2e-3, 20_000, tolerance=1e-6)
    assert (cost * plan).sum().item() == pytest.approx(exact, abs=1e-3)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("size", SIZES)
def test_a_converged_plan_has_both_marginals(size, kind):
    rows, columns = size
    plan = sinkhorn(costs(*size, batch=3, kind=kind), 0.05, 5000, tolerance=1e-5)
    assert (plan >= 0).all()
    assert (plan.sum(-1) - 1 / rows).abs().max() < 1e-5
    assert (plan.sum(-2) - 1 / columns).abs().max() < 1e-5
    assert marginal_error(plan).max() < 2e-5


def test_rows_have_their_shares_before_convergence():
    # So that each step of an episode counts the same, whatever the demonstration.
    plan = sinkhorn(100 * costs(40, 30), iterations=3)
    assert marginal_error(plan) > 0.1
    torch.testing.assert_close(plan.sum(-1), torch.full((1, 40), 1 / 40).double())


def test_transposed_costs_have_transposed_plans():
    cost = costs(15, 22, batch=2)
    plan = sinkhorn(cost, 0.05, 5000, tolerance=1e-12)
    turned = sinkhorn(cost.mT, 0.05, 5000, tolerance=1e-12)
    torch.testing.assert_close(turned, plan.mT, atol=1e-10, rtol=0)


def test_the_order_of_steps_does_not_matter():
    cost = costs(15, 22)
    generator = torch.Generator().manual_seed(1)
    rows, columns = (torch.randperm(length, generator=generator) for length in (15, 22))
    mixed = sinkhorn(cost[:, rows][:, :, columns])
    torch.testing.assert_close(mixed, sinkhorn(cost)[:, rows][:, :, columns])


def test_a_constant_more_for_each_pair_changes_nothing():
    cost = costs(15, 22)
    torch.testing.assert_close(sinkhorn(cost + 3), sinkhorn(cost), rtol=1e-6, atol=1e-12)


def test_equal_costs_spread_the_mass_evenly():
    plan = sinkhorn(torch.full((1, 4, 5), 0.7))
    torch.testing.assert_close(plan, torch.full((1, 4, 5), 1 / 20))


@settings(max_examples=25)
@given(
    lengths=some.lists(some.tuples(some.integers(1, 9), some.integers(1, 9)), min_size=1),
    seed=some.integers(0, 99),
    junk=some.sampled_from([0.0, 2.0, -50.0, 1e4]),
)
def test_padded_together_is_as_each_alone(lengths, seed, junk):
    singles = [costs(*size, seed=seed + index) for index, size in enumerate(lengths)]
    height, width = (max(sizes) for sizes in zip(*lengths, strict=True))
    cost = torch.full((len(lengths), height, width), junk, dtype=torch.float64)
    rows = torch.zeros(len(lengths), height, dtype=torch.bool)
    columns = torch.zeros(len(lengths), width, dtype=torch.bool)
    for index, (single, (tall, wide)) in enumerate(zip(singles, lengths, strict=True)):
        cost[index, :tall, :wide] = single[0]
        rows[index, :tall] = columns[index, :wide] = True
    plans = sinkhorn(cost, rows=rows, columns=columns)
    assert (plans.sum((-2, -1)) - 1).abs().max() < 1e-9
    for index, (single, (tall, wide)) in enumerate(zip(singles, lengths, strict=True)):
        torch.testing.assert_close(plans[index, :tall, :wide], sinkhorn(single)[0])
        assert marginal_error(plans, columns)[index] == pytest.approx(
            marginal_error(sinkhorn(single)).item(), abs=1e-9
        )


@pytest.mark.parametrize("scale", [2.0, 50.0, 500.0])
def test_thirty_two_bits_suffice_for_costs_of_many_epsilons(scale):
    # A plain kernel would be exp(-50,000): 0 in every type there is.
    cost = scale * costs(126, 100, kind=torch.float32)
    expected = (cost[0] * pot_plan(cost[0], 0.01, 100)).sum(-1)
    plan = sinkhorn(cost)
    assert plan.isfinite().all()
    assert ((cost * plan).sum(-1)[0] - expected).abs().max() < 1e-3 * expected.max()


def test_mass_that_must_come_from_afar_arrives():
    # All rows are nearest to one column, and must be driven to the others, iteration by iteration.
    places = torch.linspace(0, 1, 200)
    cost = 100 * (places[:, None] ** 8 - places).abs()[None]
    plan = sinkhorn(cost)
    expected = (cost[0] * pot_plan(cost[0], 0.01, 100)).sum()
    assert (cost * plan).sum().item() == pytest.approx(expected.item(), rel=1e-4)


def test_a_tolerance_ends_the_iteration_within_it():
    cost = costs(30, 30)
    done = sinkhorn(cost, 0.05, 100_000, tolerance=1e-3)
    assert 0 < marginal_error(done) <= 1e-3
    assert marginal_error(sinkhorn(cost, 0.05, 5000)) < 1e-9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cost": torch.zeros(3, 4)}, r"\(3, 4\); valid: \(K, T, T'\)"),
        ({"cost": torch.zeros(1, 0, 4)}, r"none 0"),
        ({"cost": torch.zeros(1, 2, 3, dtype=torch.bfloat16)}, "valid: float32, float64"),
        ({"rows": torch.ones(1, 3, dtype=torch.bool)}, r"rows is \(1, 3\).*valid: \(1, 2\)"),
        ({"columns": torch.ones(1, 3)}, r"columns is .*float32; valid: \(1, 3\) torch.bool"),
        ({"columns": torch.zeros(1, 3, dtype=torch.bool)}, "all columns of cost 0 are padding"),
    ],
)
def test_what_is_no_cost_is_refused(arguments, message):
    with pytest.raises(InvalidFeatures, match=message):
        sinkhorn(**({"cost": torch.zeros(1, 2, 3)} | arguments))
