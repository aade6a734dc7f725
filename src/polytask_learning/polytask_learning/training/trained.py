"""An expert that a run has made, ready to act."""

from pathlib import Path

from polytask_contract.environment import Environment
from polytask_contract.episodes.form import Form
from polytask_contract.suites import find_suite
from polytask_learning.agents.expert import Expert
from polytask_learning.compute import ComputeSettings
from polytask_learning.settings import ExpertSettings, restored
from polytask_learning.training.acting import ActingPolicy
from polytask_learning.training.assembly import make_expert
from polytask_learning.training.request import Request
from polytask_learning.training.run_folder import NoRun, RunFolder


class TrainedExpert:
    """The best expert of a run so far."""

    def __init__(self, path: Path, compute: ComputeSettings | None = None) -> None:
        """Load it from the run at `path`.

        Raise NoRun where there is none yet, BrokenCheckpoint where it is damaged.
        """
        self.folder = RunFolder(path)
        manifest = self.folder.manifest
        try:
            self.request = restored(Request, manifest["request"])
            # Not those that the preset has by now: the weights are of networks of those days.
            self.settings = restored(ExpertSettings, manifest["settings"])
            self.form = restored(Form, manifest["form"])
        except (KeyError, TypeError) as error:
            raise NoRun(f"the manifest of {path} is of another version: {error}") from error
        state = self.folder.best()
        self.expert: Expert = make_expert(
            self.request, self.form, compute or ComputeSettings(), settings=self.settings
        )
        self.expert.load_policy(state["expert"])
        self.steps: int = state["progress"]["steps"]

    @property
    def frame_stack(self) -> int:
        """How many pictures it sees at once; 0 for states."""
        return self.settings.frame_stack if self.request.observations == "pixels" else 0

    @property
    def kept_frames(self) -> int:
        """How many pictures one who learns from the run is to see at once; 0 if none are kept."""
        return self.settings.frame_stack if self.form.image else 0

    def policy(self) -> ActingPolicy:
        """Return it as a policy, which acts without noise."""
        return ActingPolicy(self.expert, frame_stack=self.frame_stack)

    def environment(self, seed: int = 0) -> Environment:
        """Return an environment of its suite to act in, which is the caller's to close."""
        suite = find_suite(self.request.suite)
        return suite.make(self.request.task, seed, self.request.looked_at)

    def check(self, environment: Environment) -> None:
        """Raise InvalidEpisode unless `environment` is of the form that was learnt in."""
        valid = self.form if self.frame_stack else self.form._replace(image=None)
        Form.of(environment.specification).check(valid, f"the suite {self.form.suite}")
