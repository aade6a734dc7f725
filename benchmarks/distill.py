"""What a distillation costs: an update beside the authors' own, with many tasks, and an action.

With `--peer FOLDER`, a checkout of the repository of the paper's authors, their update takes turns
with ours in this run, in a process of its own, on as many threads. Without it the peer's figure is
a constant: measured once with that code in eager PyTorch 2.13 on two threads of a quiet machine of
this kind. Figures are medians; `least` is our quickest round. A ratio above 1 says that ours is
the better one. What has no peer is on one thread; `flat_…` is how many times as long as with 2
tasks an update takes with 50, sampling included.
"""

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._children import ended_in_order
from benchmarks._report import report, say
from benchmarks.learner import (
    ACTION,
    BATCH,
    PEER_CODE,
    PEER_SOURCE,
    QUICK,
    SIZE,
    STACK,
    VARIANTS,
    Case,
    Peer,
    parse,
    peer_of,
    taking_turns,
)
from polytask_contract.episodes.form import Form
from polytask_learning.agents.distiller import Distiller
from polytask_learning.compute import ComputeSettings
from polytask_learning.data.lessons import Lesson, Lessons
from polytask_learning.data.relabelled_data import RelabelledData, parts_of
from polytask_learning.data.relabelled_file import UNKNOWN, Label, PartsWriter
from polytask_learning.distilling.assembly import make_actor, make_book
from polytask_learning.distilling.request import DistilRequest
from polytask_learning.goals.book import GoalBook
from polytask_learning.networks.unified import UnifiedActor

PEER = 3.52
STATE = 54
FORMS = {
    "state": Form("none", ACTION, STATE, None, 0.1),
    "pixels": Form("none", ACTION, 0, SIZE, 0.1),
}
GOALS = {"state": "onehot", "pixels": "image"}
# Of states as many as a task keeps; of pictures more than a processor's cache holds.
STEPS = {"state": 30_000, "pixels": 2_000}
TASKS = {"state": (2, 8, 16, 50), "pixels": (2, 50)}
COMPUTE = {"state": ComputeSettings(), "pixels": VARIANTS["_one_thread"]}
FLAT = 1.3
# How often a work is done in each round: one alone would find caches full of what others left.
REPEATED = {"state": 10, "pixels": 1}
ACTIONS = {"state": 100, "pixels": 10}
ROUNDS = {"pixel_update": 5, "state": 25, "pixels": 9, "inference": 15}

Work = Callable[[], object]
Works = dict[str, tuple[Work, ComputeSettings]]


def repeated(work: Work, times: int) -> None:
    """Do `work` so many times."""
    for _ in range(times):
        work()


def request_of(kind: str, preset: str) -> DistilRequest:
    """Return what asks for a policy that sees `kind`."""
    return DistilRequest(kind, (GOALS[kind],), preset)


def book_of(request: DistilRequest, tasks: int) -> GoalBook:
    """Return a book of so many tasks, each with one goal."""
    book, random = make_book(request.goals, request.settings, SIZE), np.random.default_rng(0)
    for number in range(tasks):
        picture = random.integers(0, 256, (*SIZE, 3), np.uint8)
        book.add_task(f"task-{number}", {"onehot": [number], "image": [picture]})
    return book


def observed(kind: str, count: int) -> torch.Tensor:
    """Return `count` observations of nothing in particular."""
    if kind == "state":
        return torch.rand(count, STATE)
    return torch.randint(0, 256, (count, 3 * STACK, *SIZE), dtype=torch.uint8)


def one_batch(compute: ComputeSettings) -> Work:
    """Return what does one update from pictures with the paper's numbers, on one batch."""
    request = request_of("pixels", "paper")
    book = book_of(request, 1)
    actor = make_actor(request.settings, request.seed, FORMS["pixels"], STACK, book)
    settings = request.settings
    distiller = Distiller(actor, settings, settings.updates, 0, compute=compute)
    actions = torch.rand(BATCH, ACTION) * 2 - 1
    lesson = Lesson(np.zeros(1, np.int64), observed("pixels", BATCH), actions)
    return partial(distiller.update, lesson, "image", book.of("image", 0))


def pixel_update(peer: Peer) -> dict[str, Case]:
    """Return the cases of the claim, on one thread, and in float32."""
    works: Works = {
        f"pixel_update{suffix}": (one_batch(compute), compute)
        for suffix, compute in VARIANTS.items()
    }
    if peer is not None:
        works[PEER_CODE] = (partial(peer, "distil_update"), QUICK)
    took = taking_turns(works, ROUNDS["pixel_update"])
    theirs = median(took.pop(PEER_CODE)) if peer else PEER
    source = PEER_CODE if peer else PEER_SOURCE
    cases: dict[str, Case] = {}
    for name, times in took.items():
        ours = median(times)
        pair = {"ours": ours, "peer": theirs, "ratio": theirs / ours, "unit": "s"}
        cases[name] = pair | {"peer_source": source, "least": min(times)}
        say(f"{name}: {ours:.4f} s, peer {theirs:.4g} s")
    return cases


def write_data(path: Path, kind: str) -> None:
    """Write a relabelled file of nothing in particular at `path`."""
    form, count, random = FORMS[kind], STEPS[kind], np.random.default_rng(0)
    stack = STACK if form.image else 0
    label = Label("none", "none", {}, form, stack, UNKNOWN, count, 1, None, count)
    with path.open("w+b") as file:
        writer = PartsWriter(file, label, parts_of(label, count))
        writer.append("actions", random.uniform(-1, 1, (count, ACTION)).astype(np.float32))
        if form.image:
            back = np.arange(1 - stack, 1)
            writer.append("rows", (np.arange(count)[:, None] + back).clip(min=0))
            writer.append("image", random.integers(0, 256, (count, 3, *form.image), np.uint8))
        else:
            writer.append("state", random.random((count, STATE), np.float32))
        writer.seal()


def learning(kind: str, tasks: int, path: Path) -> Work:
    """Return what does one update of a policy of so many tasks, as a distillation does.

    The file at `path` stands for the data of each task.
    """
    request = request_of(kind, "fast")
    data = [RelabelledData(path, kind) for _ in range(tasks)]
    lessons, book, random = Lessons(data), book_of(request, tasks), np.random.default_rng(0)
    settings = request.settings
    actor = make_actor(request.settings, request.seed, FORMS[kind], STACK, book, data)
    distiller = Distiller(actor, settings, settings.updates, 0, compute=COMPUTE[kind])

    def update() -> None:
        lesson = lessons.draw(settings.batch, settings.tasks_per_batch, random)
        goals = book.draw(GOALS[kind], lesson.tasks, random)
        distiller.update(lesson, GOALS[kind], goals)

    return update


def growing(kind: str) -> dict[str, Case]:
    """Return the cases of an update by the number of tasks, and how flat that is."""
    times = REPEATED[kind]
    works: Works = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "relabelled.safetensors"
        write_data(path, kind)
        for tasks in TASKS[kind]:
            work = partial(repeated, learning(kind, tasks, path), times)
            works[f"{kind}_update_{tasks}_tasks"] = (work, COMPUTE[kind])
        took = taking_turns(works, ROUNDS[kind])
    cases = {name: unpaired(seconds, times, "s") for name, seconds in took.items()}
    fewest, *_, most = took.values()
    # Of neighbours in time: what else the machine does then slows both.
    flat = median(many / few for few, many in zip(fewest, most, strict=True))
    say(f"{kind}: {TASKS[kind][-1]} tasks take {flat:.3f} times as long as {TASKS[kind][0]}")
    row = {"ours": flat, "peer": None, "ratio": None, "unit": "x", "bound": FLAT}
    return cases | {f"flat_{kind}": row}


def unpaired(took: list[float], times: int, unit: str) -> Case:
    """Return a row of what has no peer and was done `times` times in each round."""
    scale = (1000 if unit == "ms" else 1) / times
    ours = {"ours": median(took) * scale, "peer": None, "ratio": None, "unit": unit}
    return ours | {"least": min(took) * scale}


@torch.no_grad()
def act(actor: UnifiedActor, seen: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Return the action for what is seen, of a goal that is encoded already."""
    return actor.acted(seen, wanted)


def acting(kind: str, preset: str) -> Work:
    """Return what makes one action."""
    request = request_of(kind, preset)
    book = book_of(request, 1)
    actor = ComputeSettings().placed(
        make_actor(request.settings, request.seed, FORMS[kind], STACK, book)
    )
    with torch.no_grad():
        wanted = actor.goals[GOALS[kind]](book.of(GOALS[kind], 0))
    return partial(act, actor, observed(kind, 1), wanted)


def inference() -> dict[str, Case]:
    """Return the cases of one action on one thread."""
    times = {
        f"inference_{kind}_{preset}": (partial(acting, kind, preset), count)
        for kind, count in ACTIONS.items()
        for preset in ("fast", "paper")
    }
    works: Works = {
        name: (partial(repeated, make(), count), ComputeSettings())
        for name, (make, count) in times.items()
    }
    took = taking_turns(works, ROUNDS["inference"])
    cases = {name: unpaired(seconds, times[name][1], "ms") for name, seconds in took.items()}
    for name, case in cases.items():
        say(f"{name}: {case['ours']:.3f} ms")
    return cases


def main() -> None:
    """Measure every case and print the result."""
    options = parse(sys.argv[1:], "distill", __doc__)
    with ended_in_order("distill"), peer_of(options.peer) as peer:
        cases = pixel_update(peer)
    for kind in TASKS:
        cases |= growing(kind)
    report("distill", cases | inference())


if __name__ == "__main__":
    main()
