"""Films a unified policy at several of its tasks, side by side, each asked for by a sentence.

    python docs/film_policy.py RUN

writes docs/pictures/one_policy.webp, which the README shows. An edge says that a task is
accomplished at that moment.
"""

import argparse
import textwrap
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from polytask_contract.episodes.episode import Picture
from polytask_contract.seeds import TESTS
from polytask_contract.suites import Photographed, find_suite, sentences
from polytask_learning.compute import ComputeSettings
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.reports.filming import framed

OUTPUT = Path(__file__).resolve().parent / "pictures" / "one_policy.webp"
TASKS = (
    *("drawer-open", "drawer-close", "door-open", "hammer"),
    *("coffee-pull", "bin-picking", "plate-slide", "button-press-topdown"),
)
COLUMNS, SIDE, CAPTION, GAP = 4, 168, 32, 4
LINE = 28
INK, PAPER = (236, 236, 236), (16, 18, 24)
# Pictures are drawn twice as large as they are shown, of every third step.
EVERY, STEPS, REST = 3, 126, 12


def lived(policy: UnifiedPolicy, task: str, seed: int) -> list[Picture]:
    """Return pictures of an episode in which `policy` is asked for `task`."""
    acting = policy.policy_for(task, "language")
    pictures = []
    with closing(policy.environment(task)) as environment:
        if not isinstance(environment, Photographed):
            raise SystemExit(f"error: the world of {task} cannot be photographed")
        timestep = environment.reset(seed)
        for step in range(STEPS):
            if step % EVERY == 0:
                picture = environment.photograph((2 * SIDE, 2 * SIDE), full=False)
                done = bool(timestep.observation["success"])
                pictures.append(framed(picture) if done else picture)
            if not timestep.last():
                timestep = environment.step(acting(timestep))
    return pictures


def sheet(films: dict[str, list[Picture]], moment: int) -> Image.Image:
    """Return all films at one moment, each under what was asked for."""
    rows = -(-len(films) // COLUMNS)
    size = (COLUMNS * (SIDE + GAP) - GAP, rows * (SIDE + CAPTION + GAP) - GAP)
    whole = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(whole)
    for number, (said, pictures) in enumerate(films.items()):
        row, column = divmod(number, COLUMNS)
        left, top = column * (SIDE + GAP), row * (SIDE + CAPTION + GAP)
        pen.text((left + 4, top + 3), textwrap.fill(said, LINE), fill=INK)
        picture = Image.fromarray(np.ascontiguousarray(pictures[moment]))
        whole.paste(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (left, top + CAPTION))
    return whole


def main() -> None:
    """Film what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a unified policy of Meta-World's tasks")
    options = parser.parse_args()
    ComputeSettings().prepare_process()
    policy = UnifiedPolicy(options.run)
    suite = find_suite(policy.folder.form.suite)
    films = {sentences(suite, task)[0]: lived(policy, task, TESTS.start) for task in TASKS}
    moments = len(next(iter(films.values())))
    frames = [sheet(films, moment) for moment in range(moments)]
    frames += [frames[-1]] * REST
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    aside = OUTPUT.with_suffix(".partial")
    with aside.open("wb") as file:
        frames[0].save(
            file, "WEBP", save_all=True, append_images=frames[1:], duration=75, loop=0, quality=55
        )
    aside.rename(OUTPUT)


if __name__ == "__main__":
    main()
