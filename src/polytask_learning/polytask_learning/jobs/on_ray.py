"""Jobs as tasks of a Ray cluster, all of whose machines see the same folders."""

from collections.abc import Generator, Sequence
from typing import Any

from polytask_contract.errors import PolyTaskError
from polytask_learning.jobs.job import Finished, Job
from polytask_learning.jobs.local import LocalExecutor

VERSION = "2.60.0"


class RayMissing(PolyTaskError):
    """Ray is asked for and not installed."""


class RayExecutor:
    """Runs jobs on the cluster that RAY_ADDRESS names, or else on one of this machine."""

    def __init__(self) -> None:
        """Raise RayMissing where ray is not installed."""
        self._ray = _ray()

    def run(self, jobs: Sequence[Job]) -> Generator[Finished, None, None]:
        """Yield each job as it ends; see Executor. Raise ConnectionError without the cluster."""
        ray = self._ray
        # A worker imports this module, which its cluster was not started with.
        variables = dict(jobs[0].environment) if jobs else {}
        ray.init(log_to_driver=False, runtime_env={"env_vars": variables})
        waiting: dict[Any, Job] = {}
        try:
            # A job that went wrong is told about, and begun again by whoever calls again.
            remote = ray.remote(num_cpus=1, max_retries=0)(attempt)
            waiting = {remote.remote(*_fields(job)): job for job in jobs}
            while waiting:
                (ended,), _ = ray.wait(list(waiting), num_returns=1)
                yield self._finished(ended, waiting.pop(ended))
        finally:
            for one in waiting:
                # By force, as the worker then ends and its job with it.
                ray.cancel(one, force=True)
            ray.shutdown()

    def _finished(self, ended: Any, job: Job) -> Finished:
        try:
            status, seconds, problem = self._ray.get(ended)
        except self._ray.exceptions.RayError as error:
            first = str(error).strip().partition("\n")[0]
            return Finished(job, 1, 0.0, f"Ray lost it: {first}")
        return Finished(job, status, seconds, problem)


def attempt(
    name: str, command: list[str], environment: dict[str, str], folder: str, log: str
) -> tuple[int, float, str]:
    """Run a job where this is called; return its status, seconds [s] and problem."""
    job = Job(name, tuple(command), environment, folder, log)
    (ended,) = LocalExecutor(1).run([job])
    return ended.status, ended.seconds, ended.problem


def _fields(job: Job) -> tuple[str, list[str], dict[str, str], str, str]:
    return job.name, list(job.command), dict(job.environment), job.folder, job.log


def _ray() -> Any:
    try:
        import ray  # noqa: PLC0415
    except ImportError as error:
        raise RayMissing(f"ray is not installed; pip install ray=={VERSION}") from error
    return ray
