"""The same state gives the same pixels, whatever else is drawn in this process or in others."""

import hashlib
import os
import subprocess
import sys

import mujoco
import numpy as np
import pytest

from polytask_contract.specification import Observations
from polytask_contract.suites import Photographed, find_suite
from polytask_sim.scene_renderer import SceneRenderer, UnrenderableSize

WORLDS = [
    ("metaworld", "hammer"),
    ("dmc", "torso-3"),
    ("kitchen", "kettle"),
    ("xarm", "insert-blue"),
]

ALONE = """
import sys
from hashlib import sha256
from polytask_contract.specification import Observations
from polytask_contract.suites import Photographed, find_suite
suite, task = sys.argv[1:]
environment = find_suite(suite).make(task, 0, Observations())
size = environment.specification.action_size
timesteps = [environment.reset(5), environment.step([0.5] * size), environment.step([-0.5] * size)]
print(*(sha256(timestep.observation["image"]).hexdigest() for timestep in timesteps))
"""


def digest(timestep):
    return hashlib.sha256(timestep.observation["image"]).hexdigest()


def test_worlds_drawn_side_by_side_look_as_each_does_alone():
    environments = [find_suite(suite).make(task, 0, Observations()) for suite, task in WORLDS]
    pictures = [[digest(environment.reset(5))] for environment in environments]
    for value in (0.5, -0.5):
        for seen, environment in zip(pictures, environments, strict=True):
            seen.append(digest(environment.step([value] * environment.specification.action_size)))
    for environment in environments:
        environment.close()
    assert len({picture for seen in pictures for picture in seen}) == 3 * len(WORLDS)
    for seen, world in zip(pictures, WORLDS, strict=True):
        command = [sys.executable, "-W", "ignore", "-c", ALONE, *world]
        alone = subprocess.run(command, capture_output=True, text=True, check=True)
        assert alone.stdout.splitlines()[-1].split() == seen


MODEL = """<mujoco><worldbody>
  <light pos="1 0 3"/><camera name="above" pos="0 0 3"/>
  <geom type="plane" size="2 2 .1"/><geom type="box" size=".3 .1 .1" pos=".4 .5 .5" rgba="1 0 0 1"/>
</worldbody></mujoco>"""


@pytest.fixture
def scene():
    model = mujoco.MjModel.from_xml_string(MODEL)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def draw(scene, **options):
    model, data = scene
    renderer = SceneRenderer(model, (48, 64), "above", **options)
    picture = renderer.draw(data)
    renderer.close()
    return picture


def test_a_full_picture_has_what_a_lean_one_leaves_out(scene):
    lean, full = draw(scene), draw(scene, full=True)
    assert lean.shape == full.shape == (48, 64, 3)
    assert np.array_equal(draw(scene), lean)
    # The shadow makes it darker.
    assert full.mean() < lean.mean()


def test_a_camera_that_hangs_upside_down_is_turned_not_mirrored(scene):
    upright, turned = draw(scene), draw(scene, upside_down=True)
    assert np.array_equal(turned, upright[::-1, ::-1])
    assert turned.flags.c_contiguous


def test_the_model_is_left_as_its_authors_made_it(scene):
    model, _ = scene
    before = (model.vis.global_.offheight, model.vis.quality.offsamples)
    draw(scene)
    assert (model.vis.global_.offheight, model.vis.quality.offsamples) == before


def test_a_picture_larger_than_a_buffer_is_refused(scene):
    with pytest.raises(UnrenderableSize, match=r"48 x 5000 pixels; valid: 1 to 4096"):
        SceneRenderer(scene[0], (48, 5000), "above")


def test_an_environment_refuses_a_picture_that_it_cannot_give():
    for suite, task in WORLDS:
        with pytest.raises(UnrenderableSize, match=r"5000 x 84 pixels; valid: 1 to 4096"):
            find_suite(suite).make(task, 0, Observations(image=(5000, 84)))


def test_a_photograph_shows_the_moment_and_leaves_the_episode_as_it_is():
    environment = find_suite("metaworld").make("hammer", 0, Observations())
    plain = [environment.reset(5), environment.step([0.5] * 4)]
    again = [environment.reset(5)]
    first = environment.photograph((120, 160))
    again.append(environment.step([0.5] * 4))
    assert isinstance(environment, Photographed)
    assert not np.array_equal(first, environment.photograph((120, 160)))
    assert environment.photograph((60, 80)).shape == (60, 80, 3)
    assert [digest(timestep) for timestep in plain] == [digest(timestep) for timestep in again]
    environment.close()


ELSEWHERE = """
import sys
import numpy as np
from polytask_sim.scene_renderer import SceneRenderer
import mujoco
model = mujoco.MjModel.from_xml_string(sys.argv[1])
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
sys.stdout.buffer.write(SceneRenderer(model, (48, 64), "above").draw(data).tobytes())
"""


def drawn_with(backend, program=ELSEWHERE):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, MODEL],
        env={key: value for key, value in os.environ.items() if key != "PYOPENGL_PLATFORM"}
        | {"MUJOCO_GL": backend},
        capture_output=True,
        check=False,
    )


def test_osmesa_draws_what_egl_draws(scene):
    done = drawn_with("osmesa")
    assert done.returncode == 0, done.stderr.decode()
    picture = np.frombuffer(done.stdout, np.uint8).reshape(48, 64, 3)
    # Edges may fall on either of two neighbouring pixels.
    assert np.mean(picture != draw(scene)) < 0.01


def test_without_a_way_to_draw_the_error_names_the_ways_there_are():
    done = drawn_with("disable")
    assert done.returncode != 0
    assert b"NoRenderer: MuJoCo cannot draw with MUJOCO_GL='disable'" in done.stderr
    assert b"valid: egl, osmesa" in done.stderr
