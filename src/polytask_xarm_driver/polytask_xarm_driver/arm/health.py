"""What the controller reports of itself a few times a second."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Health:
    """One report: `at` is when it came, on the monotonic clock [s].

    `error` and `warning` are the controller's codes, 0 for none; `temperatures` are the joints'
    [degC].
    """

    at: float
    error: int
    warning: int
    temperatures: tuple[float, ...]
