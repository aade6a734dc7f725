"""Random shifts of pictures: the augmentation of DrQ-v2."""

import torch
from torch import Tensor
from torch.nn import functional

PAD = 4


def shifted(pictures: Tensor, generator: torch.Generator, pad: int = PAD) -> Tensor:
    """Return each of `pictures` (B, C, H, W) moved by up to `pad` pixels, its edge continued."""
    count, _, rows, columns = pictures.shape
    padded = functional.pad(pictures.float(), (pad,) * 4, mode="replicate")
    down, right = torch.randint(0, 2 * pad + 1, (2, count), generator=generator)
    row = down[:, None] + torch.arange(rows)
    column = right[:, None] + torch.arange(columns)
    number = torch.arange(count)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[number, row[:, :, None], column[:, None, :]]
    return moved.permute(0, 3, 1, 2)
