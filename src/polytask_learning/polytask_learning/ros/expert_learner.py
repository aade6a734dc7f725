"""The node `expert_learner`: an expert of one task, learnt in the environment that is up."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from polytask_contract.episodes.chosen import ChosenEpisodes
from polytask_contract.episodes.episode_file import BrokenEpisode
from polytask_contract.episodes.form import InvalidEpisode
from polytask_contract.episodes.store import NoEpisodes
from polytask_contract.errors import (
    EnvironmentBusy,
    EnvironmentLost,
    ResetFailed,
    UnknownName,
    WorldStopped,
)
from polytask_contract.seeds import SeedInUse
from polytask_contract.specification import Specification
from polytask_contract.success import wilson_interval
from polytask_learning.reports.run_report import write_report
from polytask_learning.rewards.match import Matcher, best_match
from polytask_learning.ros.compute_parameters import compute_of
from polytask_learning.ros.goal_errors import InvalidGoal, named
from polytask_learning.ros.learning_report import LearningReport
from polytask_learning.ros.long_goal_node import LongGoalNode
from polytask_learning.ros.patient_watch import PatientWatch
from polytask_learning.ros.reward_client import RewardService
from polytask_learning.ros.whole_episodes import WholeEpisodes
from polytask_learning.ros.work import Work
from polytask_learning.settings import InvalidSetting
from polytask_learning.training.demonstrations import NoDemonstrations, Shown
from polytask_learning.training.holding import RunBusy
from polytask_learning.training.learn import learn_in
from polytask_learning.training.means import Means
from polytask_learning.training.playing import Playing
from polytask_learning.training.relabel import relabel
from polytask_learning.training.request import Request
from polytask_learning.training.run_folder import OtherConfiguration, RunFolder
from polytask_learning.training.watch import Phase
from polytask_msgs.action import TrainExpert
from polytask_ros import names

Goal, Result = TrainExpert.Goal, TrainExpert.Result
OBSERVATIONS = {Goal.STATE: "state", Goal.PIXELS: "pixels"}
REWARDS = {Goal.ENVIRONMENT_REWARD: "env", Goal.TRANSPORT_REWARD: "ot"}


class ExpertLearner(LongGoalNode):
    """Learns as `polytask learn` does, between the episodes of whatever environment is up.

    A robot stands still while gradients run, as they do after an episode and never in one. Where
    the environment fails, the episode that was under way begins anew once it is back.
    """

    action = TrainExpert
    codes = (
        (InvalidGoal, Result.INVALID_GOAL),
        (InvalidSetting, Result.INVALID_GOAL),
        (NoEpisodes, Result.INVALID_GOAL),
        (RunBusy, Result.BUSY),
        (UnknownName, Result.UNKNOWN_TASK),
        (BrokenEpisode, Result.INCOMPATIBLE),
        (InvalidEpisode, Result.INCOMPATIBLE),
        (SeedInUse, Result.INCOMPATIBLE),
        (NoDemonstrations, Result.INCOMPATIBLE),
        (OtherConfiguration, Result.INCOMPATIBLE),
        (EnvironmentBusy, Result.ENVIRONMENT_LOST),
        (EnvironmentLost, Result.ENVIRONMENT_LOST),
        (ResetFailed, Result.ENVIRONMENT_LOST),
        (WorldStopped, Result.ENVIRONMENT_LOST),
    )

    def __init__(self) -> None:
        """Open the node `expert_learner`; raise PolyTaskError for a bad parameter."""
        super().__init__("expert_learner", names.TRAIN, names.LEARNER_STATUS)
        self._means = compute_of(self.settings)

    def described(self, goal: Any) -> str:
        """Return what is learnt, and where."""
        return f"the learning of {goal.task!r} into {goal.run}"

    def compute(self, goal: Any, work: Work[Any], report: LearningReport) -> Any:
        """Learn, keep what a distiller needs, and write the run's report."""
        check_goal(goal)
        settings = self.settings
        shown = ChosenEpisodes([Path(place) for place in goal.demonstrations])
        run = Path(goal.run).absolute()
        watch = PatientWatch(work, report, settings["give_up_after"])
        environment = WholeEpisodes(
            goal.task,
            namespace=self.get_namespace(),
            timeout=settings["environment_timeout"],
            reset_timeout=settings["reset_timeout"],
            waiting=work.check,
        )
        with closing(environment), self._matcher(work, report) as match:
            request = self._request(goal, environment.specification, shown)
            means = Means(self._means, watch, match, settings["episodes_per_checkpoint"])
            folder = learn_in(environment, request, shown, run, report.tell, means)
            report.at(Phase.RELABELLING, 0, 0)
            count = settings["played"]
            playing = Playing(count if count >= 0 else None, environment, watch)
            keep = settings["keep"] or None
            relabel(run, keep, shown if goal.demonstrations else None, playing)
        write_report(folder, videos=False)
        return outcome(folder, request)

    def _request(self, goal: Any, specification: Specification, shown: Shown) -> Request:
        """Return what the goal asks for; the environment says which suite that is in."""
        found = len(shown.paths(specification.suite, goal.task))
        if goal.demonstrations and not found:
            raise NoDemonstrations(
                f"none of the demonstrations is of {specification.suite} {goal.task}: "
                f"{', '.join(goal.demonstrations)}"
            )
        try:
            return Request(
                specification.suite,
                goal.task,
                demonstrations=found,
                observations=OBSERVATIONS[goal.observations],
                reward=REWARDS[goal.reward],
                preset=goal.preset,
                steps=goal.steps,
                seed=goal.seed,
                evaluate_every=self.settings["evaluate_every"],
                evaluation_episodes=self.settings["evaluation_episodes"],
                pictures=specification.image is not None,
            )
        except UnknownName as unknown:
            raise InvalidGoal(str(unknown)) from None

    @contextmanager
    def _matcher(self, work: Work[Any], report: LearningReport) -> Iterator[Matcher]:
        """Give what matches episodes: in this thread, or by a service as the parameters say."""
        settings = self.settings
        if settings["reward.source"] == "in_process":
            yield best_match
            return
        service = RewardService(
            namespace=self.get_namespace(),
            timeout=settings["reward.timeout"],
            give_up_after=settings["give_up_after"],
            waiting=work.check,
            fall_back=settings["reward.fall_back"],
            say=report.wait,
        )
        with closing(service):
            yield service


def check_goal(goal: Any) -> None:
    """Raise InvalidGoal for a field that no environment is needed to refuse."""
    if not goal.run:
        raise InvalidGoal("run is empty; valid: the path of a folder, made when missing")
    if not goal.task:
        raise InvalidGoal("task is empty; valid: one of the environment's tasks")
    named("observations", goal.observations, OBSERVATIONS)
    named("reward", goal.reward, REWARDS)


def outcome(folder: RunFolder, request: Request) -> Any:
    """Return how good the kept expert was in the evaluation that chose it, and after how long."""
    state = folder.latest() or {}
    progress: dict[str, Any] = state["progress"]
    count = request.evaluation_episodes
    low, high = wilson_interval(round(progress["best"] * count), count)
    return Result(
        steps=progress["steps"],
        episodes=count,
        success=float(progress["best"]),
        success_low=low,
        success_high=high,
    )
