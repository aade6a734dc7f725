"""A run's best expert on test seeds: looked up where that is known already, else acted out."""

from contextlib import closing
from pathlib import Path

from polytask_contract.errors import PolyTaskError
from polytask_contract.seeds import TESTS
from polytask_learning.compute import ComputeSettings
from polytask_learning.training.evaluate import evaluate
from polytask_learning.training.evaluation_file import KeptEvaluation, keep, kept
from polytask_learning.training.run_folder import RunFolder
from polytask_learning.training.trained import TrainedExpert
from polytask_learning.training.versions import versions


class NoTestSeeds(PolyTaskError):
    """Seeds are not free for tests; the message names them and those that are."""


def seeds_for_tests(first: int, count: int) -> range:
    """Return `count` seeds from `first` on; raise NoTestSeeds unless all are free for tests."""
    seeds = range(first, first + count)
    if count < 1 or first not in TESTS or seeds[-1] not in TESTS:
        raise NoTestSeeds(
            f"{count} episodes from seed {first} on are no test; valid: 1 episode or more on seeds "
            f"{TESTS.start} to {TESTS.stop - 1}, as others demonstrate, train and choose experts"
        )
    return seeds


def evaluate_run(path: Path, seeds: range, *, again: bool = False) -> KeptEvaluation:
    """Return how the best expert of the run at `path` does on `seeds`, and keep that in the run.

    What is kept about this very expert is returned as it is, unless asked for `again`. Raise what
    TrainedExpert does, what `find_suite` does, BrokenEvaluation where what is kept is damaged, and
    InvalidEpisode where the suite no longer is what was learnt in.
    """
    folder = RunFolder(path)
    known = None if again else kept(folder, seeds)
    if known:
        return known
    compute = ComputeSettings()
    compute.prepare_process()
    hashed, trained = _whole(folder, compute)
    with closing(trained.environment()) as environment:
        trained.check(environment)
        result = evaluate(environment, trained.policy(), seeds)
    evaluation = KeptEvaluation(hashed, trained.steps, versions(), result)
    keep(folder, evaluation)
    return evaluation


def _whole(folder: RunFolder, compute: ComputeSettings) -> tuple[str, TrainedExpert]:
    """Return the best expert and its hash; a run that goes on may write a better one meanwhile."""
    while True:
        before = folder.best_hash()
        trained = TrainedExpert(folder.path, compute)
        if folder.best_hash() == before:
            return before, trained
