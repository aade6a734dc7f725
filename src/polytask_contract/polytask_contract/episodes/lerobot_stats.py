"""Statistics of a LeRobot dataset: per feature and episode, and over all episodes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}

Stats = Mapping[str, NDArray[Any]]


def of_rows(values: NDArray[Any]) -> Stats:
    """Return the statistics of each column of `values` (rows,) or (rows, size)."""
    rows = values.reshape(len(values), -1).astype(np.float64)
    return {
        "min": rows.min(0),
        "max": rows.max(0),
        "mean": rows.mean(0),
        "std": rows.std(0),
        "count": np.array([len(rows)]),
        **{name: np.quantile(rows, share, axis=0) for name, share in QUANTILES.items()},
    }


def of_pictures(pictures: NDArray[np.uint8]) -> Stats:
    """Return the statistics of each colour of `pictures`, from 0 to 1, shaped (3, 1, 1)."""
    colours = pictures.reshape(-1, 3)
    levels = np.arange(256) / 255
    histograms = np.stack([np.bincount(colour, minlength=256) for colour in colours.T])
    mean = histograms @ levels / len(colours)
    spread = histograms @ levels**2 / len(colours) - mean**2
    below = histograms.cumsum(1) / len(colours)
    stats = {
        "min": levels[colours.min(0)],
        "max": levels[colours.max(0)],
        "mean": mean,
        "std": np.sqrt(np.maximum(spread, 0)),
        **{name: levels[(below < share).sum(1)] for name, share in QUANTILES.items()},
    }
    shaped = {name: values.reshape(3, 1, 1) for name, values in stats.items()}
    return {**shaped, "count": np.array([len(pictures)])}


def of_all(episodes: Sequence[Stats]) -> Stats:
    """Return the statistics over several episodes; quantiles are averaged, as LeRobot does."""
    counts = np.array([stats["count"][0] for stats in episodes], np.float64)
    weights = counts / counts.sum()

    def averaged(values: NDArray[Any]) -> NDArray[Any]:
        return np.tensordot(weights, values, axes=1)

    stacked = {name: np.stack([stats[name] for stats in episodes]) for name in episodes[0]}
    mean = averaged(stacked["mean"])
    variance = averaged(stacked["std"] ** 2 + (stacked["mean"] - mean) ** 2)
    return {
        "min": stacked["min"].min(0),
        "max": stacked["max"].max(0),
        "mean": mean,
        "std": np.sqrt(variance),
        "count": stacked["count"].sum(0),
        **{name: averaged(stacked[name]) for name in QUANTILES},
    }
