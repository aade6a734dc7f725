"""The images' files agree with the checkout, as far as reading can tell: nothing is built here."""

import fnmatch
import re
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from workspace import ros, system_packages  # noqa: E402  # found at the root alone
from workspace.colcon_build import _SHARED_FOLDERS  # noqa: E402
from workspace.verbs import VERBS  # noqa: E402

DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8")
PAGE = (ROOT / "docker" / "README.md").read_text(encoding="utf-8")
# The Python of Ubuntu 24.04, which Jazzy is made for.
PYTHON = (3, 12)
STAGES = {"ci", "sim", "robot", "gpu"}
# What `./run` itself needs to set a checkout up.
NEEDED = {"run", "workspace", "requirements", "src"}
VERSION = re.compile(r"\b([A-Za-z][\w.-]*)(?:\[[\w,]*\])?==([\w.+!]+)")


def instructions(text):
    """Return the instructions of a Dockerfile as pairs of a word and its arguments, on one line."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines) + "\n")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def stages(text):
    """Return the stages of a Dockerfile by name: what each is made from, and its instructions."""
    found = {}
    for word, rest in instructions(text):
        if word == "FROM":
            base, name = re.fullmatch(r"(\S+) AS (\S+)", rest).groups()
            found[name] = SimpleNamespace(base=base, steps=[])
        elif found:
            found[name].steps.append((word, rest))
    return found


def lineage(text, stage):
    """Return the instructions that make a stage, those of the ones it is made from first."""
    made = stages(text)
    base = made[stage].base
    return (lineage(text, base) if base in made else []) + made[stage].steps


def copied(text, stage=None):
    """Return what is copied from the checkout, into one stage or any."""
    steps = instructions(text) if stage is None else lineage(text, stage)
    sources = []
    for word, rest in steps:
        words = [part for part in rest.split() if not part.startswith("--")]
        if word in ("COPY", "ADD") and "--from=" not in rest:
            sources += words[:-1]
    return sources


def kept_out(path, patterns):
    """Tell whether a .dockerignore keeps a path of the checkout out of what is built from."""
    for line in patterns.splitlines():
        pattern = line.strip().removeprefix("**/")
        if not pattern or pattern.startswith("#"):
            continue
        parts = path.split("/") if line.strip().startswith("**/") else [path.split("/")[0], path]
        if any(fnmatch.fnmatch(part, pattern) for part in parts):
            return True
    return False


def missing_sources(text, patterns):
    """Return what is copied and is not there, or is kept out."""
    return [
        source
        for source in copied(text)
        if source != "." and (not (ROOT / source).exists() or kept_out(source, patterns))
    ]


def missing_requirements(text):
    """Return the requirements files that are named and not there."""
    named = set(re.findall(r"requirements/[\w.-]+\.txt", text))
    return sorted(name for name in named if not (ROOT / name).is_file())


def pins():
    """Return the versions that requirements/ pins."""
    found = {}
    for path in (ROOT / "requirements").glob("*.txt"):
        found |= dict(re.findall(r"^([\w.-]+)==(\S+)$", path.read_text("utf-8"), re.MULTILINE))
    return found


def other_versions(text):
    """Return the versions in `text` that are not those of requirements/."""
    pinned = pins()
    return [
        f"{name}=={version}"
        for name, version in VERSION.findall(text)
        if pinned.get(re.sub(r"[._]", "-", name.lower())) != version
    ]


def installed(text):
    """Return the packages that apt is to install, in order."""
    found = []
    for word, rest in instructions(text):
        words = shlex.split(rest) if word == "RUN" else []
        while "&&" in words:
            found += wanted(words[: words.index("&&")])
            words = words[words.index("&&") + 1 :]
        found += wanted(words)
    return found


def wanted(words):
    """Return the packages that one command, as a list of words, is to install."""
    if not {"apt-get", "install"} <= set(words):
        return []
    return [one for one in words[words.index("install") + 1 :] if not one.startswith("-")]


def asked_for(monkeypatch):
    """Return the packages that ./run asks for, with the image's Python."""
    version = SimpleNamespace(major=PYTHON[0], minor=PYTHON[1])
    monkeypatch.setattr(system_packages, "sys", SimpleNamespace(version_info=version))
    return sorted(package.name for package in system_packages._packages())


def unknown_verbs(commands):
    """Return the verbs in commands, which are lists of words, that ./run does not have."""
    return [words[0] for words in commands if words and words[0] not in (*VERBS, "help")]


def run_verbs(text):
    """Return the verbs that a Dockerfile's instructions name."""
    said = [re.findall(r"\./run +([a-z]+)", rest) for word, rest in instructions(text)]
    lists = [yaml.safe_load(rest) for word, rest in instructions(text) if word == "CMD"]
    return [[verb] for verbs in said for verb in verbs] + lists


def filled(text):
    """Return a compose file's content, each variable by its default."""
    return yaml.safe_load(re.sub(r"\$\{\w+(?::-([^}]*))?\}", lambda match: match[1] or "", text))


def services(text):
    return filled(text)["services"]


def bad_builds(text, made):
    """Return what services are built from that is not there, where `made` are all stages."""
    found = []
    for name, service in services(text).items():
        build = service["build"]
        context = (ROOT / "docker" / build["context"]).resolve()
        if not (context / build["dockerfile"]).is_file():
            found.append(f"{name}: {build['dockerfile']}")
        if build["target"] not in made:
            found.append(f"{name}: {build['target']}")
        if service["image"] != f"polytask:{build['target']}":
            found.append(f"{name}: {service['image']}")
    return found


def executables(package):
    """Return the names of a package's executables."""
    path = ROOT / "src" / package / "setup.py"
    return (
        set(re.findall(rf'"(\w+) = {package}\.', path.read_text("utf-8")))
        if path.exists()
        else set()
    )


def parameters(package, node):
    """Return the names of the parameters that a node declares, in its own file or a server's."""
    own = ROOT / "src" / package / package / "ros" / f"{node}.yaml"
    shared = ROOT / "src/polytask_ros/polytask_ros/environment_server.yaml"

    def names(prefix, group):
        for name, entry in group.items():
            if "type" in entry:
                yield prefix + name
            else:
                yield from names(f"{prefix}{name}.", entry)

    found = set()
    for path in (own, shared):
        if path.exists():
            (content,) = yaml.safe_load(path.read_text("utf-8")).values()
            found |= set(names("", content))
    return found


def unknown_nodes(text):
    """Return executables and parameters in a compose file that no package has."""
    found = []
    for service in services(text).values():
        command = " ".join(service["command"])
        for package, node in re.findall(r"install/lib/(\w+)/(\w+)", command):
            if node not in executables(package):
                found.append(f"{package}/{node}")
                continue
            given = re.findall(r" -p ([\w.]+):=", command)
            found += [name for name in given if name not in parameters(package, node)]
    return found


def runs_as(text, stage):
    """Return the user that a stage's containers run as."""
    users = [rest for word, rest in lineage(text, stage) if word == "USER"]
    return users[-1] if users else "root"


# What is there


def test_the_images_are_those_that_are_asked_for():
    assert set(stages(DOCKERFILE)) >= STAGES
    bases = {stage.base for stage in stages(DOCKERFILE).values()} - set(stages(DOCKERFILE))
    assert bases == {f"ros:{ros.DISTRIBUTION}"}


def test_everything_that_is_copied_is_there():
    assert missing_sources(DOCKERFILE, IGNORED) == []
    assert missing_requirements(DOCKERFILE + COMPOSE) == []


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_stage_has_what_a_build_needs(stage):
    # A folder that a build shares is needed once there is one.
    shared = {name for name in _SHARED_FOLDERS if (ROOT / name).exists()}
    assert NEEDED | shared <= set(copied(DOCKERFILE, stage))
    assert any("./run setup" in rest for word, rest in lineage(DOCKERFILE, stage) if word == "RUN")


def test_no_version_is_written_that_requirements_do_not_pin():
    assert other_versions(DOCKERFILE) == []
    assert other_versions(COMPOSE) == []


def test_the_systems_packages_are_those_that_run_asks_for(monkeypatch):
    assert installed(DOCKERFILE) == asked_for(monkeypatch)


def test_every_verb_is_one_of_run():
    assert unknown_verbs(run_verbs(DOCKERFILE)) == []
    assert ["setup"] in run_verbs(DOCKERFILE)
    assert unknown_verbs([service["command"] for service in services(COMPOSE).values()]) == []


def test_every_service_is_built_from_a_stage():
    assert bad_builds(COMPOSE, stages(DOCKERFILE)) == []
    assert {service["build"]["target"] for service in services(COMPOSE).values()} == STAGES


def test_every_node_and_parameter_of_a_service_exists():
    assert unknown_nodes(COMPOSE) == []
    assert "exec install/lib" in COMPOSE


def test_nobody_is_root_and_nothing_is_privileged():
    for stage in STAGES:
        assert runs_as(DOCKERFILE, stage) == "ubuntu"
    for name, service in services(COMPOSE).items():
        assert "privileged" not in service, name
        assert "user" not in service, name
        assert "cap_add" not in service, name


def test_nodes_share_what_fast_dds_takes_for_one_computer():
    for name, service in services(COMPOSE).items():
        if name != "ci":
            assert (service["network_mode"], service["ipc"]) == ("host", "host"), name
            assert service["environment"]["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST", name


def test_the_page_names_every_variable_and_its_default():
    for name, default in re.findall(r"\$\{(\w+)(?::-([^}]*))?\}", COMPOSE):
        assert f"`{name}`" in PAGE
        assert not default or f"`{default}`" in PAGE


def test_the_page_says_that_nothing_was_built():
    assert "No image was built where this was written" in PAGE


# Whatever is wrong would be found


def test_a_source_that_is_not_there_would_be_found():
    wrong = DOCKERFILE.replace(
        "COPY --chown=ubuntu:ubuntu config ./config", "COPY configs ./config"
    )
    assert missing_sources(wrong, IGNORED) == ["configs"]
    assert missing_sources(DOCKERFILE, IGNORED + "\nsrc\n") == ["src"]
    assert missing_sources(DOCKERFILE, IGNORED + "\n**/work*\n") == ["workspace"]


def test_a_requirements_file_that_is_not_there_would_be_found():
    wrong = DOCKERFILE + "RUN pip install -r requirements/cuda.txt -r requirements/ros.txt\n"
    assert missing_requirements(wrong) == ["requirements/cuda.txt"]


def test_another_version_would_be_found():
    torch = pins()["torch"]
    assert other_versions(f"RUN pip install torch=={torch} dm-env=={pins()['dm-env']}") == []
    wrong = f"RUN pip install torch==1.{torch} nosuch==1 numpy[x]==0.1"
    assert other_versions(wrong) == [f"torch==1.{torch}", "nosuch==1", "numpy==0.1"]


def test_another_package_would_be_found(monkeypatch):
    wanted = asked_for(monkeypatch)
    for wrong in (
        DOCKERFILE.replace("        cmake \\\n", ""),
        DOCKERFILE.replace("        cmake \\\n", "        cmake \\\n        vim \\\n"),
        DOCKERFILE.replace("python3.12-venv", "python3.11-venv"),
    ):
        assert wrong != DOCKERFILE
        assert installed(wrong) != wanted


def test_a_verb_that_there_is_not_would_be_found():
    assert unknown_verbs(run_verbs(DOCKERFILE.replace("./run setup", "./run install"))) == [
        "install",
        "install",
    ]
    assert unknown_verbs(run_verbs(DOCKERFILE.replace('CMD ["demo"]', 'CMD ["show"]'))) == ["show"]
    wrong = COMPOSE.replace("command: [emulator]", "command: [emulate]")
    assert unknown_verbs([one["command"] for one in services(wrong).values()]) == ["emulate"]


def test_a_stage_a_file_or_an_image_that_there_is_not_would_be_found():
    wrong = COMPOSE.replace("target: gpu", "target: cuda")
    assert bad_builds(wrong, stages(DOCKERFILE))[:2] == ["learner: cuda", "learner: polytask:gpu"]
    wrong = COMPOSE.replace("dockerfile: docker/Dockerfile", "dockerfile: Dockerfile", 1)
    assert bad_builds(wrong, stages(DOCKERFILE))[0] == "simulation: Dockerfile"


def test_a_node_or_a_parameter_that_there_is_not_would_be_found():
    assert unknown_nodes(COMPOSE.replace("driver/camera", "driver/eye")) == [
        "polytask_xarm_driver/eye"
    ]
    assert unknown_nodes(COMPOSE.replace("-p suite:=", "-p world:=")) == ["world"]


def test_root_would_be_found():
    assert runs_as(DOCKERFILE.replace("USER ubuntu\n", ""), "ci") == "root"
    assert runs_as(DOCKERFILE + "USER root\n", "gpu") == "root"
