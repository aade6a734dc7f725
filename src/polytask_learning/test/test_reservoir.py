"""A reservoir is a uniform sample, the same for the same stream."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from polytask_learning.data.reservoir import InvalidSample, Reservoir, sampled_steps

BLOCKS = some.lists(some.integers(0, 60), max_size=12)
KEEPS = some.integers(1, 80)
SEEDS = some.integers(0, 2**32)


def kept(blocks, keep, seed):
    reservoir = Reservoir(keep, seed)
    for block in blocks:
        reservoir.offer(block)
    return reservoir.kept().tolist()


@given(BLOCKS, KEEPS, SEEDS)
def test_blocks_are_as_good_as_single_items(blocks, keep, seed):
    total = sum(blocks)
    assert kept(blocks, keep, seed) == kept([1] * total, keep, seed) == kept([total], keep, seed)


@given(BLOCKS, KEEPS, SEEDS)
def test_so_many_different_items_are_kept_and_all_where_there_are_fewer(blocks, keep, seed):
    found = kept(blocks, keep, seed)
    assert len(set(found)) == len(found) == min(keep, sum(blocks))
    assert set(found) <= set(range(sum(blocks)))


@given(some.lists(some.integers(1, 60), min_size=1, max_size=12), KEEPS, SEEDS)
def test_a_look_in_between_changes_nothing(blocks, keep, seed):
    reservoir = Reservoir(keep, seed)
    for block in blocks:
        reservoir.offer(block)
        looked = reservoir.kept().tolist()
    assert looked == kept(blocks, keep, seed)


def test_memory_does_not_grow_with_the_stream():
    reservoir = Reservoir(10, 0)
    for _ in range(2000):
        reservoir.offer(25)
        assert len(reservoir._keys) <= 2 * 10
    assert reservoir.offered == 50_000


@pytest.mark.parametrize("blocks", [[30], [1] * 30, [7, 0, 20, 3]])
def test_each_item_is_kept_with_the_same_probability(blocks):
    trials, keep, items = 4000, 6, 30
    counts = np.zeros(items)
    for seed in range(trials):
        counts[kept(blocks, keep, seed)] += 1
    expected = trials * keep / items
    # Five standard deviations of a binomial: the seeds are fixed, so it holds or it does not.
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected * (1 - keep / items))


def test_each_pair_is_kept_with_the_same_probability():
    trials, keep, items = 4000, 3, 6
    counts = np.zeros((items, items))
    for seed in range(trials):
        found = kept([2] * 3, keep, seed)
        counts[np.ix_(found, found)] += 1
    pairs = counts[np.triu_indices(items, 1)]
    chance = keep * (keep - 1) / (items * (items - 1))
    assert np.abs(pairs - trials * chance).max() < 5 * np.sqrt(trials * chance * (1 - chance))


def test_another_seed_is_another_sample():
    assert kept([1000], 10, 0) != kept([1000], 10, 1)


@given(some.lists(some.integers(0, 30), min_size=1, max_size=10), KEEPS, SEEDS)
def test_steps_are_those_of_the_stream_by_episode(lengths, keep, seed):
    found = sampled_steps(lengths, keep, seed)
    assert len(found) == len(lengths)
    starts = np.cumsum([0, *lengths])
    stream = [start + step for start, part in zip(starts, found, strict=False) for step in part]
    assert stream == kept(lengths, keep, seed)
    for steps, length in zip(found, lengths, strict=True):
        assert all(0 <= step < length for step in steps)


@pytest.mark.parametrize("keep", [0, -1])
def test_an_empty_sample_is_refused(keep):
    with pytest.raises(InvalidSample, match=f"{keep} are to be kept; valid: 1 or more"):
        Reservoir(keep, 0)
