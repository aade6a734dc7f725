"""Seeds are for one thing each: to demonstrate, to test, to choose, to play, to practise."""

from itertools import pairwise

import pytest

from polytask_contract import seeds
from polytask_contract.cli import command


def test_each_use_has_seeds_of_its_own():
    uses = [range(seeds.TESTS.start), seeds.TESTS, seeds.VALIDATION, seeds.PLAYED]
    for one, following in pairwise(uses):
        assert one.stop == following.start
    assert seeds.PLAYED.stop == seeds.PRACTICE_FROM


@pytest.mark.parametrize("seed", [0, 499_999])
def test_what_is_for_nothing_else_may_be_demonstrated(seed):
    assert seeds.check_demonstrated(seed) is None


@pytest.mark.parametrize("seed", [500_000, 999_999, 1_000_000, 2**63])
def test_no_demonstration_begins_as_a_test_does(seed):
    with pytest.raises(seeds.SeedInUse, match=f"is {seed}; valid: 0 to 499999, as those above"):
        seeds.check_demonstrated(seed)


@pytest.mark.usefixtures("corridor_suite")
def test_nothing_is_collected_on_seeds_of_tests(tmp_path, capsys):
    words = ["--suite", "corridor", "--task", "right", "--seed", "500000"]
    store = tmp_path / "store"
    assert command.main(["demos", "collect", *words, "--output", str(store)]) == 1
    assert "the seed of a demonstration is 500000; valid: 0 to 499999" in capsys.readouterr().err
    assert not store.exists()
