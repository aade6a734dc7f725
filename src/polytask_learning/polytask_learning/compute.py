"""Where and how a learner computes: switches for its speed, which leave what it learns as it is."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from torch import nn

from polytask_learning.settings import InvalidSetting
from polytask_learning.types import Batch

PRECISIONS = ("float32", "bfloat16")
COMPILING = ("off", "default", "reduce-overhead")

# Of malloc.h. Larger blocks than the first [byte] it takes from the kernel whatever it is told.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_KEPT, MOST_KEPT = 32 * 2**20, 2**31 - 1

Work = TypeVar("Work", bound=Callable[..., Any])
Module = TypeVar("Module", bound=nn.Module)


def devices() -> tuple[str, ...]:
    """Return the names of the devices that there are."""
    numbered = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return ("cpu", "cuda", *numbered) if numbered else ("cpu",)


@dataclass(frozen=True)
class ComputeSettings:
    """The switches; the defaults are the plainest of each.

    `precision` is what hidden layers are multiplied in: weights, optimisers, losses and the last
    layers stay float32. bfloat16 is right on every processor, but quick on those alone that
    multiply it (avx512_bf16, amx, a GPU). `channels_last` is the order of pictures in memory.
    `compile` makes kernels of the terms by torch.compile, "reduce-overhead" with CUDA graphs. A
    run goes on bit for bit with the same switches, on a CPU.
    """

    device: str = "cpu"
    precision: str = "float32"
    channels_last: bool = False
    compile: str = "off"
    threads: int = 1

    def __post_init__(self) -> None:
        """Raise InvalidSetting for a switch that cannot be as it is asked for."""
        for name, valid in (
            ("device", devices()),
            ("precision", PRECISIONS),
            ("channels_last", (False, True)),
            ("compile", COMPILING),
        ):
            value = getattr(self, name)
            if value not in valid:
                raise InvalidSetting(f"{name} is {value}; valid: {', '.join(map(str, valid))}")
        if self.threads < 1:
            raise InvalidSetting(f"threads is {self.threads}; valid: at least 1")

    def prepare_process(self) -> None:
        """Let this process compute with so many threads, and keep what it frees, from now on."""
        torch.set_num_threads(self.threads)
        # glibc gives blocks of some megabytes back to the kernel, and every update takes them by
        # page faults again: a fifth of its time with pictures. Other libraries have no mallopt.
        keep = getattr(ctypes.CDLL(None), "mallopt", None)
        if keep is not None:
            keep(M_MMAP_THRESHOLD, LARGEST_KEPT)
            keep(M_TRIM_THRESHOLD, MOST_KEPT)

    def generator(self, seed: int) -> torch.Generator:
        """Return a generator on the device."""
        return torch.Generator(self.device).manual_seed(seed)

    def placed(self, module: Module) -> Module:
        """Move `module` itself to the device, and return it."""
        order = torch.channels_last if self.channels_last else torch.preserve_format
        module.to(torch.device(self.device))
        # Torch's stubs do not know this argument.
        module.to(memory_format=order)  # type: ignore[call-overload]
        return module

    def place_for(self, size: int) -> str:
        """Return where to keep `size` bytes: on the device, unless they need half of what is free.

        The other half is for what learns there.
        """
        if torch.device(self.device).type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            return self.device if size < free / 2 else "cpu"
        return "cpu"

    def moved(self, batch: Batch) -> Batch:
        """Return `batch` on the device; on a GPU the copies go on while the processor does."""
        return Batch(*(part.to(self.device, non_blocking=True) for part in batch))

    def autocast(self) -> torch.autocast:
        """Return a context in which layers compute in `precision`.

        One context must not reach over a step of an optimiser: it keeps its copies of weights.
        """
        kind = torch.device(self.device).type
        return torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bfloat16")

    def compiled(self, work: Work) -> Work:
        """Return `work`, compiled at its first call if that is switched on.

        Each shape gets kernels of its own: what a shape is computed by must not depend on the
        shapes before, or a run that goes on would differ from one that was never stopped.
        """
        if self.compile == "off":
            return work
        compiled: Any = torch.compile(work, mode=self.compile, dynamic=False)
        return cast("Work", compiled)

    def begin_update(self) -> None:
        """Say that what the update before returned from CUDA graphs may be overwritten."""
        if self.compile == "reduce-overhead":
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
