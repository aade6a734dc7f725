"""The words of a command line about where and how to compute."""

import argparse
from typing import TYPE_CHECKING

from polytask_contract.cli import argument_types

if TYPE_CHECKING:
    from polytask_learning.compute import ComputeSettings


def describe_compute(parser: argparse.ArgumentParser) -> None:
    """Add them to `parser`; what is learnt depends on none of them."""
    add = parser.add_argument
    add("--device", default="cpu", help="cpu, cuda or cuda:NUMBER")
    add("--precision", default="float32", help="of hidden layers: float32 or bfloat16")
    order = "order pictures in memory by pixel, which bfloat16 likes"
    add("--channels-last", action=argparse.BooleanOptionalAction, default=False, help=order)
    add("--compile", default="off", help="make kernels: off, default, or reduce-overhead on a GPU")
    add("--threads", type=argument_types.positive, default=1, help="of a learner")


def compute_of(options: argparse.Namespace) -> "ComputeSettings":
    """Return what the words say; raise InvalidSetting for what cannot be."""
    # Torch takes seconds to import, which listing the verbs should not.
    from polytask_learning.compute import ComputeSettings  # noqa: PLC0415

    return ComputeSettings(
        device=options.device,
        precision=options.precision,
        channels_last=options.channels_last,
        compile=options.compile,
        threads=options.threads,
    )
