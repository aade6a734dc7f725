"""Random shifts of pictures: the augmentation of DrQ-v2."""

import torch
from torch import Tensor

PAD = 4


def shifted(pictures: Tensor, generator: torch.Generator, pad: int = PAD) -> Tensor:
    """Return each of `pictures` (B, C, H, W) moved by up to `pad` pixels, its edge continued.

    The type stays: bytes are moved as bytes. `generator` is on the pictures' device.
    """
    count, _, rows, columns = pictures.shape
    device = generator.device
    offsets = torch.randint(0, 2 * pad + 1, (2, count), generator=generator, device=device)
    down, right = offsets.unbind()
    # A view of all places that a picture can be cut at: nothing but the cut itself is copied.
    places = _continued(pictures, pad).unfold(2, rows, 1).unfold(3, columns, 1)
    return places[torch.arange(count, device=device), :, down, right]


def _continued(pictures: Tensor, pad: int) -> Tensor:
    """Return `pictures` with their edges repeated; torch's own padding knows no bytes."""
    top, bottom = (
        pictures[:, :, edge].expand(-1, -1, pad, -1) for edge in (slice(1), slice(-1, None))
    )
    taller = torch.cat([top, pictures, bottom], dim=2)
    left, right = (
        taller[..., edge].expand(-1, -1, -1, pad) for edge in (slice(1), slice(-1, None))
    )
    return torch.cat([left, taller, right], dim=3)
