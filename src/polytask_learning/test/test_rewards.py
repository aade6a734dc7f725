"""What matching a demonstration earns, and what becomes of it when the encoder learns."""

import pytest
import torch
from torch import nn

from polytask_contract.errors import UnknownName
from polytask_learning.rewards.cost import cosine, euclidean
from polytask_learning.rewards.errors import InvalidFeatures
from polytask_learning.rewards.feature_target import FeatureTarget
from polytask_learning.rewards.match import best_match
from polytask_learning.rewards.matching import MATCHINGS
from polytask_learning.rewards.settings import RewardSettings
from polytask_learning.rewards.sinkhorn import sinkhorn
from polytask_learning.rewards.trajectory import TrajectoryReward
from polytask_learning.settings import InvalidSetting

ALL = pytest.mark.parametrize("name", MATCHINGS)


def walk(steps=20, size=6, seed=0, kind=torch.float32):
    """Features that drift, as those of an episode do."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(steps, size, generator=generator, dtype=kind).cumsum(0)


def test_a_cosine_cost_is_of_directions_alone():
    steps = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0], [0.0, 0.0]])
    expected = torch.tensor([[0.0, 1, 2, 1], [1, 0, 1, 1], [2, 1, 0, 1], [1, 1, 1, 1]])
    torch.testing.assert_close(cosine(steps, steps[None]), expected[None])


def test_no_cosine_cost_is_below_zero():
    steps = walk(200, 512)
    assert cosine(steps, steps[None]).min() == 0


def test_a_euclidean_cost_is_the_distance_even_between_equals():
    episode, demonstration = 100 + walk(30, 512), 100 + walk(40, 512, seed=1)
    expected = (episode[:, None] - demonstration).norm(dim=-1)
    found = euclidean(episode, demonstration[None])[0]
    torch.testing.assert_close(found, expected)
    assert euclidean(episode, episode[None])[0].diagonal().max() < 1e-3


@pytest.mark.parametrize("cost", [cosine, euclidean])
def test_costs_are_symmetric(cost):
    episode, demonstrations = walk(5), torch.stack([walk(7, seed=1), walk(7, seed=2)])
    forth = cost(episode, demonstrations)
    assert forth.shape == (2, 5, 7)
    assert forth.dtype == torch.float32
    torch.testing.assert_close(cost(demonstrations, episode).mT, forth)


def test_the_default_reward_is_equation_five():
    episode, demonstration = walk(), walk(25, seed=1)
    match = best_match(episode, [demonstration], RewardSettings())
    cost = cosine(episode, demonstration[None])[0]
    plan = sinkhorn(cost[None], 0.01, 100)[0]
    torch.testing.assert_close(match.rewards, -(cost * plan).sum(-1))
    assert match.distance == pytest.approx((cost * plan).sum().item())


@pytest.mark.parametrize("name", ["cosine", "euclidean"])
def test_frames_are_matched_at_their_own_time_and_the_last_goes_on(name):
    episode, short, long = walk(9), walk(5, seed=1), walk(12, seed=2)
    for demonstration in (short, long):
        held = torch.cat((demonstration, demonstration[-1:].expand(4, -1)))[:9]
        expected = MATCHINGS[name].cost(episode, held[None])[0].diagonal()
        match = best_match(episode, [demonstration], RewardSettings(name))
        torch.testing.assert_close(match.rewards, -expected)
    pair = best_match(episode, [long, short], RewardSettings(name))
    alone = [best_match(episode, [one], RewardSettings(name)) for one in (long, short)]
    torch.testing.assert_close(pair.rewards, alone[pair.demonstration].rewards)
    assert pair.distance == pytest.approx(min(one.distance for one in alone))


@ALL
def test_no_episode_earns_more_than_the_demonstration_itself(name):
    settings = RewardSettings(name)
    demonstration = walk()
    best = best_match(demonstration, [demonstration], settings)
    assert best.distance == pytest.approx(0, abs=0.02)
    for seed in range(5):
        noise = 0.3 * torch.randn(20, 6, generator=torch.Generator().manual_seed(seed))
        assert best_match(demonstration + noise, [demonstration], settings).distance > best.distance


@ALL
def test_no_reward_is_above_zero_and_each_step_has_one(name):
    match = best_match(walk(31), [walk(17, seed=1), walk(40, seed=2)], RewardSettings(name))
    assert match.rewards.shape == (31,)
    assert match.rewards.dtype == torch.float32
    assert (match.rewards <= 0).all()
    assert match.rewards.sum().item() == pytest.approx(-match.distance, rel=1e-5)


@ALL
@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_best_of_several_demonstrations_counts(name, place):
    settings = RewardSettings(name)
    episode = walk(20)
    demonstrations = [walk(15, seed=1), walk(33, seed=2)]
    demonstrations.insert(place, episode[:18] + 0.01)
    match = best_match(episode, demonstrations, settings)
    assert match.demonstration == place
    alone = best_match(episode, [demonstrations[place]], settings)
    torch.testing.assert_close(match.rewards, alone.rewards, rtol=1e-4, atol=1e-7)
    assert match.marginal_error == pytest.approx(alone.marginal_error, abs=1e-4)


@ALL
def test_sixty_four_bits_give_sixty_four_bits(name):
    match = best_match(
        walk(kind=torch.float64), [walk(seed=1, kind=torch.float64)], RewardSettings(name)
    )
    assert match.rewards.dtype == torch.float64


def test_only_transport_forgives_a_delay():
    demonstration = walk(20)
    late = torch.cat((demonstration[:1].expand(3, -1), demonstration))[:20]
    distances = {
        name: best_match(late, [demonstration], RewardSettings(name)).distance
        for name in ("sinkhorn_cosine", "cosine")
    }
    # Frames weigh 1 each, in transport they share 1.
    assert distances["sinkhorn_cosine"] < distances["cosine"] / 20


def test_the_error_tells_whether_transport_has_converged():
    episode, demonstrations = 10 * walk(40), [10 * walk(40, seed=1)]
    few = best_match(episode, demonstrations, RewardSettings("sinkhorn_euclidean"))
    more = best_match(episode, demonstrations, RewardSettings("sinkhorn_euclidean", epsilon=10.0))
    assert few.marginal_error > 0.1
    assert more.marginal_error < 1e-3


@ALL
def test_the_first_episode_sums_to_minus_ten_and_sets_the_scale(name):
    reward = TrajectoryReward(RewardSettings(name))
    demonstrations = [walk(25, seed=1)]
    first = reward(walk(), demonstrations)
    assert first.rewards.sum().item() == pytest.approx(-10, rel=1e-5)
    assert first.metrics()["reward/total"] == pytest.approx(-10)
    scale = reward.scale
    assert scale == pytest.approx(10 / first.distance)
    second = reward(walk(seed=5), demonstrations)
    raw = best_match(walk(seed=5), demonstrations, reward.settings)
    torch.testing.assert_close(second.rewards, raw.rewards * scale)
    assert (second.scale, second.distance) == (scale, raw.distance)


def test_an_episode_that_equals_a_demonstration_sets_no_scale():
    reward = TrajectoryReward(RewardSettings("euclidean"))
    assert reward(walk(), [walk()]).scale == 1.0
    assert reward.state_dict() == {}
    assert reward(walk(seed=1), [walk()]).rewards.sum().item() == pytest.approx(-10, rel=1e-5)


def test_without_a_total_nothing_is_scaled():
    reward = TrajectoryReward(RewardSettings(first_total=None))
    match = reward(walk(), [walk(seed=1)])
    assert match.rewards.sum().item() == pytest.approx(-match.distance, rel=1e-5)


def test_a_saved_scale_goes_on_bit_for_bit():
    reward, again = TrajectoryReward(), TrajectoryReward()
    reward(walk(), [walk(seed=1)])
    again.load_state_dict(reward.state_dict())
    assert again.scale == reward.scale
    assert torch.equal(
        again(walk(seed=2), [walk(seed=1)]).rewards, reward(walk(seed=2), [walk(seed=1)]).rewards
    )
    again.load_state_dict({})
    assert again(walk(), [walk(seed=1)]).rewards.sum().item() == pytest.approx(-10, rel=1e-5)


@pytest.mark.parametrize(
    "state",
    [
        {"size": torch.tensor(1.0)},
        {"scale": torch.tensor(-1.0)},
        {"scale": torch.tensor(float("nan"))},
    ],
)
def test_a_state_that_is_no_scale_is_refused(state):
    with pytest.raises(InvalidFeatures, match="valid: "):
        TrajectoryReward().load_state_dict(state)


@pytest.mark.parametrize(
    ("episode", "demonstrations", "message"),
    [
        (walk(), [], "0 demonstrations"),
        (walk()[0], [walk()], r"the episode are \(6,\); valid: \(steps, D\)"),
        (walk(), [walk(), walk(size=7)], r"demonstration 1 are \(20, 7\); valid: \(steps, 6\)"),
        (walk(), [walk()[:0]], r"demonstration 0 are \(0, 6\)"),
        (walk(), [walk(kind=torch.float64)], "torch.float64; valid: torch.float32"),
        (walk().bfloat16(), [walk()], "bfloat16; valid: float32, float64"),
        (walk(), [walk().log()], "of demonstration 0 is nan; valid: finite"),
    ],
)
def test_features_that_cannot_be_compared_are_refused(episode, demonstrations, message):
    with pytest.raises(InvalidFeatures, match=message):
        TrajectoryReward()(episode, demonstrations)


@pytest.mark.parametrize("matching", ["euclidean", "sinkhorn_euclidean"])
def test_features_too_far_apart_for_their_type_are_refused(matching):
    with pytest.raises(InvalidFeatures, match=r"not finite in torch.float32, .* up to 3e\+38"):
        best_match(torch.full((5, 2), 3e38), [walk(size=2)], RewardSettings(matching))


def test_an_unknown_matching_is_refused_with_the_known_ones():
    with pytest.raises(UnknownName, match=r"'gail'; valid: sinkhorn_cosine, .*, euclidean"):
        RewardSettings("gail")


@pytest.mark.parametrize(
    ("field", "value"),
    [("epsilon", 0.0), ("iterations", 0), ("tolerance", 0.0), ("first_total", 10.0)],
)
def test_settings_that_make_no_reward_are_refused(field, value):
    with pytest.raises(InvalidSetting, match=f"{field} is {value}; valid: "):
        RewardSettings(**{field: value})


def changed(layer):
    with torch.no_grad():
        layer.weight += 1


def test_target_features_stand_still_until_a_period_ends():
    layer = nn.Linear(6, 3)
    target = FeatureTarget(layer, period=100)
    before = target(walk())
    changed(layer)
    assert not target.advance(99)
    assert torch.equal(target(walk()), before)
    assert target.advance()
    assert torch.equal(target(walk()), layer(walk()))
    changed(layer)
    assert not target.advance(99)
    assert target.advance(150)
    assert not target.advance(50)
    target.refresh()
    assert torch.equal(target(walk()), layer(walk()))


def test_target_features_have_no_gradients_and_no_chance():
    layer = nn.Sequential(nn.Linear(6, 3), nn.Dropout(0.9))
    target = FeatureTarget(layer)
    assert not target(walk()).requires_grad
    assert torch.equal(target(walk()), target(walk()))
    assert layer.training
    assert layer[0].weight.requires_grad


def test_states_need_no_network():
    target = FeatureTarget(nn.Identity())
    assert torch.equal(target(walk()), walk())
    assert target.advance(20_000)


def test_saved_target_features_go_on():
    layer = nn.Linear(6, 3)
    target = FeatureTarget(layer, period=10)
    changed(layer)
    target.advance(9)
    again = FeatureTarget(layer, period=10)
    again.load_state_dict(target.state_dict())
    assert torch.equal(again(walk()), target(walk()))
    assert not torch.equal(again(walk()), layer(walk()))
    assert again.advance()


def test_another_modules_target_features_are_refused():
    target = FeatureTarget(nn.Linear(6, 3))
    other = FeatureTarget(nn.Linear(6, 4)).state_dict()
    with pytest.raises(InvalidFeatures, match=r"copy.weight \(4, 6\).*valid: .*\(3, 6\)"):
        target.load_state_dict(other)
    with pytest.raises(InvalidSetting, match="the period is 0"):
        FeatureTarget(nn.Identity(), period=0)
    with pytest.raises(InvalidSetting, match="-1 steps"):
        target.advance(-1)


def test_a_target_of_fewer_digits_is_near_and_is_saved_bit_for_bit():
    encoder = nn.Sequential(nn.Linear(6, 4), nn.Tanh())
    whole, fewer, again = (
        FeatureTarget(encoder, dtype=kind)
        for kind in (torch.float32, torch.bfloat16, torch.bfloat16)
    )
    seen = torch.randn(5, 6)
    assert torch.allclose(whole(seen), fewer(seen.bfloat16()).float(), atol=0.03)
    with torch.no_grad():
        encoder[0].weight.add_(1.0)
    fewer.refresh()
    again.load_state_dict(fewer.state_dict())
    assert torch.equal(fewer(seen.bfloat16()), again(seen.bfloat16()))
