"""Tasks with Python packages: `environment:` of docs/python.md, with the real uv and packages made here."""
import json
import os
import shutil
import subprocess

import pytest
import wheels
from fault import killing
from sluice_program import BIN, Server, environment, report_of
from waiting import Gate, until

HOURS = 3600


class Folder:
    """A data folder, and an index of packages."""

    def __init__(self, root, url, asked):
        self.data, self.index, self.plan = root / "data", root / "index", root / "plan.yaml"
        self.url, self.asked = url, asked
        wheels.add_wheel(self.index, "tell", "1.0", {
            "tell/__init__.py": "version = '1.0'\ndef main(): print('told by 1.0')\n",
            "tell-1.0.dist-info/entry_points.txt": "[console_scripts]\ntell = tell:main\n"})

    def settings(self):
        return environment(UV_DEFAULT_INDEX=self.url)

    def sluice(self, *arguments, **more):
        return subprocess.run([BIN / "sluice", *map(str, arguments), "--data", str(self.data)], capture_output=True, text=True, timeout=300,
                              env=self.settings() | more)

    def write(self, required, process, extra=""):
        self.plan.write_text(f"""
sluice: 1
pipelines:
  main:
    outputs: {{said: "${{say.said}}"}}
    graph:
      say:
        process: {json.dumps(process)}
        environment: {required}
        outputs: {{said: {{type: string, form: text, optional: true}}}}
{extra}""")

    def run(self, required, *code, arguments=(), process=None, **more):
        """Runs a task of Python code; `out` is the path of its output."""
        self.write(required, process or ["python", "-c", "import sys; out = sys.argv[1]; " + "; ".join(code), "${out.said}"])
        return self.sluice("run", self.plan, "--json", *arguments, **more)

    def said(self, *arguments, **more):
        return report_of(self.run(*arguments, **more))["outputs"]["said"]

    def failure(self, *arguments, **more):
        done = self.run(*arguments, **more)
        assert done.returncode == 1, done.stdout + done.stderr
        return json.loads(done.stdout)["tasks"][0]["failure"]["message"]

    def refused(self, required, status=2, **more):
        done = self.run(required, "pass", **more)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stderr

    def made(self):
        return sorted((self.data / "cache/environments/made").glob("*"))


SAY = "import tell; open(out, 'w').write(tell.version)"


@pytest.fixture
def folder(tmp_path):
    with wheels.index_of(tmp_path / "index") as (url, asked):
        yield Folder(tmp_path, url, asked)


def test_a_task_imports_a_package_that_is_installed_once(folder):
    assert folder.said("{requirements: [tell]}", SAY) == "1.0"
    assert folder.asked
    folder.asked.clear()
    before = {path: path.stat().st_mtime_ns for path in folder.data.glob("cache/environments/made/*/complete")}
    assert folder.said("{requirements: [tell]}", SAY, arguments=["--no-cache"]) == "1.0"
    assert not folder.asked and before == {path: path.stat().st_mtime_ns for path in folder.data.glob("cache/environments/made/*/complete")} and len(before) == 1


def test_packages_without_what_they_depend_on(folder):
    wheels.add_wheel(folder.index, "lonely", "1.0", requires=["nowhere"])
    wheels.add_wheel(folder.index, "tell", "0.9")
    assert "nowhere" in folder.refused("{requirements: [lonely, tell]}")
    both = "{requirements: [tell], without_dependencies: [lonely, tell==0.9]}"
    assert folder.said(both, "import lonely, tell; open(out, 'w').write(lonely.version + tell.version)") == "1.00.9"
    assert folder.said("{without_dependencies: [lonely]}", "import lonely; open(out, 'w').write(lonely.version)") == "1.0"


def test_programs_of_a_package_are_found_and_the_system_s_too(folder):
    assert folder.said("{requirements: [tell]}", process=["sh", "-c", 'tell > "$1"', "sh", "${out.said}"]) == "told by 1.0\n"
    folder.write("{requirements: [tell]}", ["tell"])
    assert report_of(folder.sluice("run", folder.plan, "--json"))["status"] == "succeeded"


def test_requirements_from_a_file(folder):
    requirements = folder.plan.parent / "requirements.txt"
    requirements.write_text("# what the tasks need\r\n\r\ntell == 1.*   # not 2\n")
    assert folder.said("{requirements: requirements.txt}", SAY) == "1.0"
    requirements.write_text("tell\n-e .\n")
    assert "plan.yaml:9:22: `environment`: `requirements.txt`: line 2: `-e .` names a file or folder beside the plan" in folder.refused("{requirements: requirements.txt}")
    requirements.unlink()
    assert "there is no file or folder" in folder.refused("{requirements: requirements.txt}")
    requirements.mkdir()
    assert "`requirements: requirements.txt`: it is a folder" in folder.refused("{requirements: requirements.txt}")


def test_the_lock_stays_with_the_run_and_decides_what_is_cached(folder):
    wheels.add_wheel(folder.index, "base", "1.0")
    wheels.add_wheel(folder.index, "above", "1.0", requires=["base"])
    first = report_of(folder.run("{requirements: [above]}", "import above, base; open(out, 'w').write(base.version)"))
    created = killing.journal_of(folder.data, first["run"])[0]
    lock = list(created["environments"].values())[0]["lock"]["$artifact"]["digest"]
    assert first["tasks"][0]["environment"]["python"]["lock"] == lock
    text = (folder.data / "objects" / lock[:2] / lock[2:4] / lock).read_text()
    assert "above==1.0" in text and "base==1.0" in text and text.count("--hash=sha256:") == 2, text
    wheels.add_wheel(folder.index, "base", "1.1")
    again = report_of(folder.run("{requirements: [above]}", "import above, base; open(out, 'w').write(base.version)"))
    assert again["tasks"][0]["cached"] and again["outputs"]["said"] == "1.0", "equal requirements get what was found first"
    shutil.rmtree(folder.data / "cache/environments")
    later = report_of(folder.run("{requirements: [above]}", "import above, base; open(out, 'w').write(base.version)"))
    assert not later["tasks"][0]["cached"] and later["outputs"]["said"] == "1.1"


def test_an_environment_cannot_be_changed_by_a_task(folder):
    failure = folder.failure("{requirements: [tell]}", "import tell", "open(tell.__file__, 'a').write('x')")
    assert "Read-only file system" in failure or "Permission denied" in failure, failure
    assert folder.said("{requirements: [tell]}", SAY) == "1.0"


def test_requirements_that_cannot_be_met_are_refused_before_the_run(folder):
    where = "plan.yaml:9:22: `environment`: finding versions of these packages failed: Because "
    wheels.add_wheel(folder.index, "one", "1.0", requires=["tell<1"])
    for required, why in [("[tell==9]", "there is no version of tell==9"), ("[absent]", "absent was not found in the package registry"),
                          ("['tell<1', 'tell>=1']", "you require tell<1 and tell>=1"), ("[one, tell>=1]", "one")]:
        message = folder.refused(f"{{requirements: {required}}}")
        assert where in message and why in message, message
    assert not json.loads(folder.sluice("runs", "--json").stdout)["runs"]


def test_no_index_that_responds(folder):
    message = folder.refused("{requirements: [idna]}", status=3, UV_DEFAULT_INDEX="http://127.0.0.1:9/simple", UV_HTTP_TIMEOUT="2")
    assert "because an index of packages did not respond" in message and "127.0.0.1:9" in message, message


def test_sources_are_not_built(folder, tmp_path):
    wheels.add_source(folder.index, "built", "1.0", f"open({str(tmp_path / 'ran')!r}, 'w'); import setuptools; setuptools.setup(name='built', version='1.0')")
    message = folder.refused("{requirements: [built]}")
    assert "built" in message and "wheel" in message, message
    assert not (tmp_path / "ran").exists()


def test_sources_are_built_if_the_operator_allows_them(folder, tmp_path):
    # The code that builds it sees the system's files, and the folders that the operator has named.
    modules = tmp_path / "modules"
    modules.mkdir()
    shutil.copy(wheels.__file__, modules)
    wheels.add_source(folder.index, "built", "1.0", modules=modules)
    assert "built" in folder.refused("{requirements: [built]}")
    allowed = {"SLUICE_ALLOW_REQUIREMENTS": "sources", "UV_FIND_LINKS": str(modules)}
    assert folder.said("{requirements: [built]}", "import built; open(out, 'w').write(built.version)", **allowed) == "1.0"


def test_a_package_by_its_address_if_the_operator_allows_it(folder):
    address = folder.url.replace("/simple", "") + "/files/tell-1.0-py3-none-any.whl"
    host = address.partition("/files")[0] + "/"
    refused = folder.refused(f"{{requirements: ['tell @ {address}']}}")
    assert f"plan.yaml:9:22: `environment`: `tell @ {address}` is required by its address; whoever operates the server has to allow that: SLUICE_ALLOW_REQUIREMENTS={host}" in refused
    for other in ("https://elsewhere.example/", host.rstrip("/")[:-1], "sources"):
        assert "has to allow that" in folder.refused(f"{{requirements: ['tell @ {address}']}}", SLUICE_ALLOW_REQUIREMENTS=other)
    assert folder.said(f"{{requirements: ['tell @ {address}']}}", SAY, SLUICE_ALLOW_REQUIREMENTS=f"https://elsewhere.example/ {host}") == "1.0"


def test_no_code_of_a_package_runs_while_it_is_installed(folder, tmp_path):
    run = f"import pathlib; pathlib.Path({str(tmp_path / 'ran')!r}).touch()\n"
    wheels.add_wheel(folder.index, "eager", "1.0", {"eager.pth": run, "sitecustomize.py": run, "usercustomize.py": run, "eager.py": run,
                                                    "compileall.py": run, "py_compile.py": run})
    folder.write("{requirements: [eager]}", ["true"])
    assert report_of(folder.sluice("run", folder.plan, "--json"))["status"] == "succeeded"
    assert not (tmp_path / "ran").exists()
    assert list(folder.data.glob("cache/environments/made/*/venv/lib/python3.*/site-packages/__pycache__/eager.*.pyc")), "it was compiled"


def test_what_was_changed_in_the_index_is_not_installed(folder):
    assert folder.said("{requirements: [tell]}", SAY) == "1.0"
    for name in ("made", "wheels"):
        shutil.rmtree(folder.data / "cache/environments" / name)
    wheels.add_wheel(folder.index, "tell", "1.0", {"tell.py": "version = 'another'\n"})
    failure = folder.failure("{requirements: [tell]}", SAY, arguments=["--no-cache"])
    assert "installing the packages failed: " in failure and "Hash mismatch" in failure, failure


@pytest.mark.parametrize("broken", ["complete", "venv"])
def test_an_environment_that_was_not_finished_is_made_again(folder, broken):
    assert folder.said("{requirements: [tell]}", SAY) == "1.0"
    (made,) = folder.made()
    if broken == "complete":
        (made / "complete").unlink()
        subprocess.run(["rm", "-rf", made / "venv/lib"], check=True)
    else:
        subprocess.run(["rm", "-rf", made / "venv", made / "complete"], check=True)
    assert folder.said("{requirements: [tell]}", SAY, arguments=["--no-cache"]) == "1.0"


def test_another_version_of_python_is_told_or_refused(folder):
    told = folder.run("{python: '3.35', requirements: [tell]}", "open(out, 'w').write('%d.%d' % sys.version_info[:2])")
    used = report_of(told)["outputs"]["said"]
    assert f"plan.yaml:9:22: `environment`: there is no Python 3.35 on this machine, so {used}." in told.stderr, told.stderr
    assert "which `--strict` refuses" in folder.refused("{python: '3.35', requirements: [tell]}", arguments=["--strict"])
    exact = folder.run(f"{{python: '{used}', requirements: [tell]}}", "pass", arguments=["--strict"])
    assert exact.returncode == 0 and "there is no Python" not in exact.stderr, exact.stderr


def test_a_missing_module_is_told_with_how_to_declare_it(folder, tmp_path):
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", tmp_path / "active"], check=True)
    site, = (tmp_path / "active/lib").glob("python3.*/site-packages")
    (site / "tell.py").write_text("version = 'of the active environment'\n")
    folder.plan.write_text("""
sluice: 1
pipelines: {main: {graph: {say: {process: [python3, -c, "import tell.parts"]}}}}
""")
    done = folder.sluice("run", folder.plan, VIRTUAL_ENV=str(tmp_path / "active"), PATH=f"{tmp_path}/active/bin:{os.environ['PATH']}")
    assert done.returncode == 1 and "No module named 'tell'; declare the packages of the task: `environment: {requirements: [tell]}` (an activated" in done.stderr
    failure = folder.failure("{requirements: [tell]}", "import yaml_of_nobody")
    assert "; add the package that has it to the `requirements` of the task's `environment`: yaml_of_nobody" in failure, failure


def test_equal_environments_of_several_tasks_are_made_once(folder):
    folder.write("{requirements: [tell]}", ["python", "-c", SAY.replace("out", "__import__('sys').argv[1]"), "${out.said}"], extra="""
      b: {process: [python, -c, import tell], environment: {requirements: [tell]}}
      c: {process: [python, -c, import tell], environment: {requirements: [tell]}}
""")
    assert report_of(folder.sluice("run", folder.plan, "--json"))["status"] == "succeeded"
    assert len(folder.made()) == 1


def test_swept_by_last_use_and_never_while_a_task_uses_it(folder, tmp_path):
    with Gate(tmp_path / "go") as go:
        folder.write("{requirements: [tell]}", ["sh", "-c", f'read line < {go.path}; python -c "import tell; print(tell.version)" > "$1"', "sh", "${out.said}"])
        server = Server(folder.data, "--cache-bytes", "0", "--sweep-every", "0.1", env=folder.settings())
        try:
            run = server.ask("POST", "/v1/runs", {"plan": folder.plan.read_text(), "file": "plan.yaml"})[1]["run"]
            server.event(run, "scheduled", path="say")
            until(lambda: list(folder.data.glob("cache/environments/made/*/complete")), "the environment is there")
            (made,) = folder.made()
            copy = folder.data / "cache/trees/00" / ("0" * 64)
            copy.mkdir(parents=True)
            for path in (made / "used", copy):
                os.utime(path, (0, 0))
            until(lambda: not copy.exists(), "the server has swept")
            go.open()
            assert server.end_of(run)["outputs"]["said"] == "1.0\n"
        finally:
            server.stop()
    # Once the task had ended, the server may have swept it.
    assert folder.said("{requirements: [tell]}", SAY, arguments=["--no-cache"]) == "1.0"
    (made,) = folder.made()
    os.utime(made / "used", (0, 0))
    for used in (folder.data / "cache/environments/locks").iterdir():
        os.utime(used, (0, 0))
    os.utime(folder.data / "cache/environments/wheels/used", (0, 0))
    swept = json.loads(folder.sluice("gc", "--cache-bytes", "0", "--json").stdout)
    assert {"Python environments", "Python packages", "versions of Python packages"} <= set(swept["removed"]), swept["removed"]
    assert not folder.made() and not (folder.data / "cache/environments/wheels").exists()
    assert folder.said("{requirements: [tell]}", SAY) == "1.0"


def test_an_environment_that_is_removed_while_it_is_used(folder, tmp_path):
    with Gate(tmp_path / "go") as go:
        folder.write("{requirements: [tell]}", ["python", "-c", f"open({str(go.path)!r}).readline(); import tell"])
        server = Server(folder.data, env=folder.settings())
        try:
            run = server.ask("POST", "/v1/runs", {"plan": folder.plan.read_text(), "file": "plan.yaml"})[1]["run"]
            until(lambda: list(folder.data.glob("cache/environments/made/*/complete")), "the environment is there")
            server.event(run, "scheduled", path="say")
            until(lambda: killing.processes_of(folder.data), "the task runs")
            subprocess.run(["rm", "-rf", *folder.made()], check=True)
            go.open()
            failure = server.end_of(run)["tasks"][0]["failure"]
        finally:
            server.stop()
    assert failure["kind"] == "environment", failure
    assert "its Python environment was removed from the cache by hand while it ran (exit status 1: " in failure["message"], failure
    assert folder.said("{requirements: [tell]}", SAY) == "1.0"


def test_a_package_in_a_git_repository_if_the_operator_allows_it(folder, tmp_path):
    source, bare = tmp_path / "source", tmp_path / "index/told.git"
    modules = tmp_path / "modules"
    modules.mkdir()
    shutil.copy(wheels.__file__, modules)
    wheels.add_source(tmp_path / "archives", "told", "1.0", modules=modules)
    source.mkdir()
    subprocess.run(["tar", "xzf", tmp_path / "archives/told-1.0.tar.gz", "--strip-components=1"], cwd=source, check=True)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "First"], ["clone", "-q", "--bare", ".", bare]):
        subprocess.run([*git, *arguments], cwd=source, check=True)
    subprocess.run([*git, "update-server-info"], cwd=bare, check=True)
    address = folder.url.replace("/simple", "") + "/files/told.git"
    required = f"{{requirements: ['told @ git+{address}']}}"
    allowed = {"SLUICE_ALLOW_REQUIREMENTS": f"git+{address}", "UV_FIND_LINKS": str(modules)}
    assert "has to allow that" in folder.refused(required, SLUICE_ALLOW_REQUIREMENTS="sources")
    assert "told" in folder.refused(required, **allowed)
    allowed["SLUICE_ALLOW_REQUIREMENTS"] += " sources"
    assert folder.said(required, "import told; open(out, 'w').write(told.version)", **allowed) == "1.0"


def test_an_index_of_the_plan_if_the_operator_allows_it(folder, tmp_path):
    wheels.add_wheel(tmp_path / "theirs", "tell", "2.0", {"tell/__init__.py": "version = '2.0'\n"})
    wheels.add_wheel(tmp_path / "theirs", "more", "1.0")
    with wheels.index_of(tmp_path / "theirs") as (url, _):
        host = url.partition("/simple")[0]
        assert f"plan.yaml:9:22: `environment`: `-i {url}` sets an index of packages; whoever operates the server has to allow that: SLUICE_ALLOW_REQUIREMENTS={host}/" \
            in folder.refused(f"{{requirements: ['-i {url}', tell]}}")
        allowed = {"SLUICE_ALLOW_REQUIREMENTS": host}
        assert folder.said("{requirements: [tell]}", SAY, **allowed) == "1.0"
        for option in (f"-i {url}", f"--index-url={url}", f"--index-url {url}", f"--extra-index-url {url}"):
            assert folder.said(f"{{requirements: ['{option}', tell]}}", SAY, **allowed) == "2.0"
        assert folder.said(f"{{requirements: ['--extra-index-url {url}', 'tell==2.*', more]}}", SAY, **allowed) == "2.0"
        # As an option of the environment it is used where it is allowed.
        wanted = f"{{requirements: [tell], indexes: ['-i {url}']}}"
        assert folder.said(wanted, SAY, **allowed) == "2.0"
        done = folder.run(wanted, SAY)
        assert report_of(done)["outputs"]["said"] == "1.0"
        assert f"plan.yaml:9:22: `environment`: `-i {url}` is not allowed by whoever operates the server, so packages come from the indexes that it has" in done.stderr
        wheels.add_wheel(folder.index, "ours", "1.0")
        assert "ours was not found" in folder.refused(f"{{requirements: ['-i {url}', ours]}}", **allowed)
        assert folder.said(f"{{requirements: ['--extra-index-url {url}', tell, ours]}}", SAY + "; import ours", **allowed) == "2.0"


def test_a_wheel_by_its_path_if_the_operator_allows_it(folder, tmp_path):
    shelf = tmp_path / "shelf"
    wheel = wheels.add_wheel(shelf, "tell", "3.0", {"tell/__init__.py": "version = '3.0'\n"})
    refused = folder.refused(f"{{requirements: ['{wheel}']}}")
    assert f"`{wheel}` is required by its path on the server's machine; whoever operates the server has to allow that: SLUICE_ALLOW_REQUIREMENTS={shelf}/" in refused
    allowed = {"SLUICE_ALLOW_REQUIREMENTS": f"{shelf}/"}
    for required in (wheel, f"file://{wheel}", f"tell @ file://{wheel}", f"-e {wheel}"):
        assert folder.said(f"{{requirements: ['{required}']}}", SAY, **allowed) == "3.0"
    assert len(folder.made()) == 1, "equal bytes are one environment"
    (shelf / "link.whl").symlink_to(wheel)
    assert f"it is behind a symbolic link; write the path that it leads to: {wheel}" in folder.refused(f"{{requirements: ['{shelf}/link.whl']}}", **allowed)
    assert "there is no such file or folder" in folder.refused(f"{{requirements: ['{shelf}/absent.whl']}}", **allowed)
    assert "has to allow that" in folder.refused(f"{{requirements: ['{tmp_path}/index/tell-1.0-py3-none-any.whl']}}", **allowed)
    # What was there when a run was submitted is what it gets; another file is another environment.
    wheels.add_wheel(shelf, "tell", "3.0", {"tell/__init__.py": "version = 'changed'\n"})
    assert folder.said(f"{{requirements: ['{wheel}']}}", SAY, **allowed) == "changed"
    assert len(folder.made()) == 2


def test_a_folder_of_source_code_if_the_operator_allows_it_and_sources(folder, tmp_path):
    modules, shop = tmp_path / "modules", tmp_path / "shop"
    for made in (modules, shop):
        made.mkdir()
    shutil.copy(wheels.__file__, modules)
    wheels.add_source(tmp_path / "archives", "told", "1.0", modules=modules)
    subprocess.run(["tar", "xzf", tmp_path / "archives/told-1.0.tar.gz", "--strip-components=1"], cwd=shop, check=True)
    allowed = {"SLUICE_ALLOW_REQUIREMENTS": str(shop), "UV_FIND_LINKS": str(modules)}
    told = "import told; open(out, 'w').write(told.version)"
    assert "Building source distributions for `told` is disabled" in folder.refused(f"{{requirements: ['-e {shop}']}}", **allowed)
    allowed["SLUICE_ALLOW_REQUIREMENTS"] += " sources"
    before = sorted(shop.rglob("*"))
    first = report_of(folder.run(f"{{requirements: ['-e {shop}']}}", told, **allowed))
    assert first["outputs"]["said"] == "1.0" and sorted(shop.rglob("*")) == before, "it is built elsewhere"
    (kept,) = killing.journal_of(folder.data, first["run"])[0]["environments"].values()
    assert [source["$artifact"]["name"] for source in kept["sources"]] == ["shop"]
    assert folder.said(f"{{requirements: ['{shop}/', tell]}}", told + "; import tell", **allowed) == "1.0"
    again = report_of(folder.run(f"{{requirements: ['-e {shop}']}}", told, **allowed))
    assert again["tasks"][0]["cached"]
    backend = shop / "backend.py"
    backend.write_text(backend.read_text().replace("'1.0'", "'1.1'"))
    changed = report_of(folder.run(f"{{requirements: ['-e {shop}']}}", told, **allowed))
    assert changed["outputs"]["said"] == "1.1" and not changed["tasks"][0]["cached"]


def test_files_are_shared_by_hard_links(folder):
    assert folder.said("{requirements: [tell]}", SAY) == "1.0"
    (file,) = folder.data.glob("cache/environments/made/*/venv/lib/python3.*/site-packages/tell/__init__.py")
    assert file.stat().st_nlink >= 2
    wheels.add_wheel(folder.index, "other", "1.0")
    assert folder.said("{requirements: [tell, other]}", SAY) == "1.0"
    assert file.stat().st_nlink >= 3 and len(folder.made()) == 2


def test_an_environment_without_packages_is_the_interpreter_alone(folder):
    assert folder.said("{requirements: []}", "open(out, 'w').write(sys.prefix)").startswith(str(folder.data / "cache/environments/made"))


def test_the_provenance_of_a_model_names_the_lock(folder):
    folder.plan.write_text("""
sluice: 1
pipelines:
  main:
    graph:
      fit:
        process: [python, -c, "import os, sys, tell; os.makedirs(sys.argv[1]); open(sys.argv[1] + '/model.json', 'w').write('{\\"classes\\": [\\"a\\"]}')", "${out.model}"]
        environment: {requirements: [tell]}
        outputs: {model: {type: artifact, kind: model, form: directory}}
      register: {service: model.register, with: {model: "${fit.model}", name: told}}
""")
    report = report_of(folder.sluice("run", folder.plan, "--json"))
    lock = next(iter(killing.journal_of(folder.data, report["run"])[0]["environments"].values()))["lock"]["$artifact"]["digest"]
    provenance = subprocess.run(["git", f"--git-dir={folder.data}/models/default/told.git", "show", "v1:provenance.json"], capture_output=True, check=True).stdout
    assert lock in provenance.decode()


def test_a_package_that_would_fill_the_disk_is_not_installed(folder):
    wheels.add_wheel(folder.index, "bomb", "1.0", {f"bomb/{number}.txt": "0" * 40_000_000 for number in range(10)})
    server = Server(folder.data, "--quota-bytes", "100000000", env=folder.settings())
    try:
        folder.write("{requirements: [bomb]}", ["true"])
        run = server.ask("POST", "/v1/runs", {"plan": folder.plan.read_text(), "file": "plan.yaml"})[1]["run"]
        report = server.end_of(run)
        assert "quota" in report["tasks"][0]["failure"]["message"], report
        folder.write("{requirements: [tell]}", ["true"])
        run = server.ask("POST", "/v1/runs", {"plan": folder.plan.read_text(), "file": "plan.yaml"})[1]["run"]
        assert server.end_of(run)["status"] == "succeeded"
    finally:
        server.stop()
    assert sum(file.stat().st_size for file in folder.data.rglob("*.txt")) < 40_000_000
