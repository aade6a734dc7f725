"""Laws of the networks."""

import pytest
import torch

from polytask_learning.agents.shift import PAD, shifted
from polytask_learning.networks.actor import Actor
from polytask_learning.networks.critic import Critic
from polytask_learning.networks.encoder import PictureEncoder, StateEncoder
from polytask_learning.networks.ensemble import EnsembleMlp
from polytask_learning.settings import InvalidSetting


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def test_an_ensembles_members_are_the_networks_that_they_would_be_alone():
    both = EnsembleMlp(2, 5, (16, 16), 3, layer_norm=True)
    inputs = torch.randn(7, 5)
    together = both(inputs)
    for member in range(2):
        alone = EnsembleMlp(1, 5, (16, 16), 3, layer_norm=True)
        state = {name: value[member : member + 1] for name, value in both.state_dict().items()}
        alone.load_state_dict(state)
        assert torch.allclose(alone(inputs)[0], together[member], atol=1e-6)
    assert not torch.allclose(together[0], together[1])


def test_an_ensemble_layer_is_torchs_linear_and_layer_norm():
    mine = EnsembleMlp(1, 5, (16,), 3, layer_norm=True)
    first, last = mine.layers[0], mine.layers[2]
    theirs = torch.nn.Sequential(
        torch.nn.Linear(5, 16), torch.nn.LayerNorm(16), torch.nn.ReLU(), torch.nn.Linear(16, 3)
    )
    with torch.no_grad():
        for linear, layer in ((theirs[0], first), (theirs[3], last)):
            linear.weight.copy_(layer.weight[0].T)
            linear.bias.copy_(layer.bias[0, 0])
    inputs = torch.randn(7, 5)
    assert torch.allclose(theirs(inputs), mine(inputs)[0], atol=1e-6)


def test_actions_stay_within_their_bounds_and_values_see_the_action():
    actor = Actor(6, (32, 32), 2, layer_norm=True)
    features = 100 * torch.randn(50, 6)
    actions = actor(features)
    assert actions.shape == (50, 2)
    assert actions.abs().max() <= 1
    critic = Critic(6, 2, (32,), layer_norm=False, action_copies=10)
    assert critic(features, actions).shape == (2, 50, 1)
    assert not torch.allclose(critic(features, actions), critic(features, -actions))


def test_pictures_become_bounded_features_of_the_papers_encoder():
    encoder = PictureEncoder(9, (84, 84), 512)
    features = encoder(torch.randint(0, 256, (2, 9, 84, 84), dtype=torch.uint8))
    assert features.shape == (2, 512)
    assert features.abs().max() <= 1
    # Strides 2, 1, 1, 1 leave 35 x 35 of 84 x 84, in 32 channels.
    assert encoder.trunk[0].in_features == 32 * 35 * 35


def test_a_states_encoder_scales_and_learns_nothing():
    encoder = StateEncoder(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0]))
    assert torch.equal(encoder(torch.tensor([[3.0, 2.0]])), torch.tensor([[1.0, 0.0]]))
    assert not list(encoder.parameters())
    assert set(encoder.state_dict()) == {"mean", "scale"}


def test_a_shift_moves_each_picture_by_a_few_pixels_and_continues_its_edge():
    pictures = torch.arange(6 * 2 * 12 * 12).reshape(6, 2, 12, 12).to(torch.uint8)
    moved = shifted(pictures, torch.Generator().manual_seed(1))
    padded = torch.nn.functional.pad(pictures.float(), (PAD,) * 4, mode="replicate")
    offsets = set()
    for before, after in zip(padded, moved, strict=True):
        found = [
            (down, right)
            for down in range(2 * PAD + 1)
            for right in range(2 * PAD + 1)
            if torch.equal(before[:, down : down + 12, right : right + 12], after)
        ]
        assert found
        offsets |= set(found)
    assert len(offsets) > 1
    again = shifted(pictures, torch.Generator().manual_seed(1))
    assert torch.equal(again, moved)


def test_a_picture_is_seen_from_minus_a_half_to_a_half():
    encoder = PictureEncoder(9, (84, 84), 16)
    pictures = torch.randint(0, 256, (4, 9, 84, 84), dtype=torch.uint8)
    plain = encoder.trunk(encoder.convolutions(pictures.float() / 255 - 0.5).flatten(1))
    assert torch.allclose(encoder(pictures), plain, atol=1e-5)


def test_pictures_that_no_convolution_leaves_anything_of_are_refused():
    assert PictureEncoder(3, (23, 30), 4, (2, 2, 1, 1))(torch.zeros(1, 3, 23, 30)).shape == (1, 4)
    said = r"the size of pictures is \(22, 30\); valid: larger, with strides of \(2, 2, 1, 1\)"
    with pytest.raises(InvalidSetting, match=said):
        PictureEncoder(3, (22, 30), 4, (2, 2, 1, 1))
