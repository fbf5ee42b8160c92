"""`register`, killed at each call that changes the disk: it creates one version, and the repository is intact at all times."""
import hashlib
import json
import pathlib
import re
import shutil
import subprocess

import pytest
from fault import killing

PLAN = """
sluice: 1
pipelines:
  main:
    inputs: {model: {type: artifact, kind: model}, name: {type: string}, accuracy: {type: number}}
    outputs: {version: "${register.version}"}
    graph:
      register:
        service: model.register
        with: {model: "${inputs.model}", name: "${inputs.name}", metrics: "${ {'accuracy': inputs.accuracy} }"}
  several:
    inputs: {model: {type: artifact, kind: model}, names: {type: list}}
    graph:
      names:
        each: "${inputs.names}"
        as: name
        limit: 1
        graph:
          register: {service: model.register, with: {model: "${inputs.model}", name: "${name}", metrics: {accuracy: 0.5}}}
"""


def git(*arguments, cwd, given=None):
    done = subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True, input=given)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Registering:
    """A data folder in which a learned head can be registered under many names."""

    def __init__(self, data, folder):
        self.data = data
        self.folder = folder
        self.plan = folder / "plan.yaml"
        self.plan.write_text(PLAN)
        git("clone", "-q", self.repository("stamps"), "clone", cwd=folder)
        self.head = folder / "head"
        self.head.mkdir()
        for name in ("model.json", "head.onnx"):
            (folder / "clone" / name).rename(self.head / name)

    def repository(self, name):
        return self.data / "models" / "default" / f"{name}.git"

    def run(self, name, accuracy):
        return "run", self.plan, "--input", f"model={self.head}", "--input", f"name={name}", "--input", f"accuracy={accuracy}"

    @property
    def watched(self):
        return self.data / "models", self.data / "objects"

    def calls(self, name, accuracy):
        """The calls by which a registration changes the disk, in order: [(number, call, path)]."""
        trace = self.folder / f"trace-{name}"
        done = killing.command(*self.run(name, accuracy), data=self.data, env=killing.doomed(trace=trace, under=self.watched))
        assert done.returncode == 0, done.stderr
        return calls_in(trace)

    def check(self, name, versions):
        """The repository has exactly these versions, and a clone of it is complete."""
        repository = self.repository(name)
        assert git("tag", cwd=repository).split() == [f"v{number}" for number in range(1, versions + 1)]
        assert git("rev-list", "--count", "main", cwd=repository).strip() == str(versions)
        git("fsck", "--strict", "--no-dangling", cwd=repository)
        clone = self.folder / f"clone-{name}"
        git("clone", "-q", repository, clone, cwd=self.folder)
        assert (clone / "head.onnx").read_bytes() == (self.head / "head.onnx").read_bytes()
        assert git("status", "--porcelain", cwd=clone) == ""
        subprocess.run(["rm", "-rf", clone], check=True)


def calls_in(trace):
    return [(int(number), name, path) for number, name, path in re.findall(r"^call (\d+) (\S+) (.*)$", trace.read_text(), re.MULTILINE)]


def points_of(calls):
    """The points at which to kill: before each call (after the previous one), in the middle of each write, and after the last call."""
    points = [f"before:{number}" for number, _, _ in calls]
    points += [f"within:{number}" for number, name, _ in calls if name == "write"]
    return [*points, f"after:{calls[-1][0]}"]


@pytest.fixture
def registering(main_job_copy, tmp_path):
    return Registering(main_job_copy, tmp_path)


@pytest.mark.needs(apart=True)
@pytest.mark.parametrize("versions", [1, 2], ids=["the_first_version", "one_more"])
def test_killed_at_every_change_of_the_disk_it_leaves_one_version(registering, versions):
    job = registering
    names = [f"name-{i}" for i in range(200)]
    if versions == 2:
        done = killing.command("run", job.plan, "--pipeline", "several", "--input", f"model={job.head}", "--input",
                               f"names={json.dumps(['whole', *names])}", data=job.data)
        assert done.returncode == 0, done.stderr
    calls = job.calls("whole", 0.6)
    job.check("whole", versions)
    kinds = {name for _, name, _ in calls}
    assert kinds >= {"open", "write", "pwrite", "fsync", "link", "rename", "mkdtemp", "unlinkat"}
    assert ("renameat2" in kinds) == (versions == 1), "a model appears atomically, by one rename"
    points = points_of(calls)
    assert len(points) < len(names)
    kills = 0
    for point, name in zip(points, names):
        killing.killed(*job.run(name, 0.6), data=job.data, at=point, under=job.watched)
        kills += 1
        if versions == 2:
            git("fsck", "--strict", "--no-dangling", cwd=job.repository(name))
            assert git("tag", cwd=job.repository(name)).split() in (["v1"], ["v1", "v2"])
        resumed = killing.command("resume", "latest", data=job.data)
        if resumed.returncode != 0:  # it died before the run existed, and `latest` is the previous run
            assert "has succeeded already" in resumed.stderr, resumed.stderr
            again = killing.command(*job.run(name, 0.6), data=job.data)
            assert again.returncode == 0, again.stderr
        job.check(name, versions)
    assert kills == len(points) > len(calls), "one kill for each call, and more"
    left = [path for path in job.repository("whole").parent.rglob("*new-*") if not path.parent.name.startswith(".new-")]
    assert all(path.name.startswith(".new-") for path in left), f"left in a repository: {left}"


def add_packs(repository, count):
    for i in range(count):
        oid = git("hash-object", "-w", "--stdin", cwd=repository, given=f"text {i}")
        git("pack-objects", "-q", "objects/pack/pack", cwd=repository, given=oid)
    git("prune-packed", "-q", cwd=repository)


def objects_in(repository):
    return set(git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)", cwd=repository).split())


def ends_of_groups(calls):
    """Of consecutive equal calls, the first and the last one."""
    kinds = [(name, pathlib.Path(path).parent) for _, name, path in calls]
    return [call for i, call in enumerate(calls) if i in (0, len(calls) - 1) or kinds[i - 1] != kinds[i] or kinds[i] != kinds[i + 1]]


@pytest.mark.needs(apart=True)
def test_killed_while_packs_are_merged_it_loses_no_object(registering):
    job = registering
    done = killing.command(*job.run("whole", 0.5), data=job.data)
    assert done.returncode == 0, done.stderr
    add_packs(job.repository("whole"), 80)  # with one more, a registration merges them itself
    copies = [f"name-{i}" for i in range(60)]
    for name in copies:
        shutil.copytree(job.repository("whole"), job.repository(name), symlinks=True)
    before = objects_in(job.repository("whole"))
    calls = job.calls("whole", 0.6)
    job.check("whole", 2)
    begin = next(i for i, (_, name, path) in enumerate(calls) if name == "mkdtemp" and "/merge-" in path)
    merging = [call for call in calls[begin:] if "whole.git/" in call[2]]
    assert {name for _, name, _ in merging} >= {"mkdtemp", "fsync", "rename", "unlinkat"}
    points = points_of(ends_of_groups(merging))
    assert 15 < len(points) < len(copies)
    for point, name in zip(points, copies):
        repository = job.repository(name)
        killing.killed(*job.run(name, 0.6), data=job.data, at=point, under=job.watched)
        job.check(name, 2)
        assert objects_in(repository) > before, point
        resumed = killing.command("resume", "latest", data=job.data)
        assert resumed.returncode == 0, resumed.stderr
        job.check(name, 2)
        assert objects_in(repository) > before, point
        assert len(list(repository.glob("objects/pack/*.idx"))) < 20, point
        # Killed between the end of a merge and the removal of its folder: the next merge removes it.
        left = list(repository.glob("merge-*"))
        assert not any(path for folder in left for path in folder.iterdir()), f"{point}: left in a repository: {left}"


@pytest.mark.needs(apart=True)
def test_killed_while_it_imports_the_built_in_models_the_next_start_has_them(tmp_path):
    trace = tmp_path / "trace"
    whole = tmp_path / "whole"
    done = killing.command("models", data=whole, env=killing.doomed(trace=trace, under=(whole,)))
    assert done.returncode == 0, done.stderr
    calls = calls_in(trace)
    # A large file is written by many equal calls: of consecutive equal calls on the same file, only the first is tested.
    chosen = [number for i, (number, *call) in enumerate(calls) if i == 0 or call != calls[i - 1][1:]]
    assert len(chosen) > 40
    for number in chosen:
        data = tmp_path / f"data-{number}"
        killing.killed("models", data=data, at=f"before:{number}", under=(data,))
        again = killing.command("models", data=data)
        assert again.returncode == 0, again.stderr
        assert again.stdout == done.stdout
        [repository] = (data / "models" / "default").glob("*.git")
        assert git("tag", cwd=repository).split() == ["v1"]
        git("fsck", "--strict", cwd=repository)
        for path in (data / "objects").glob("??/??/*"):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
        subprocess.run(["rm", "-rf", data], check=True)
