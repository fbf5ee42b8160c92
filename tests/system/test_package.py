"""The packages that people install: they hold all that the programs need, and work where there is no source and no build."""
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from sluice_program import ROOT, environment


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    out = tmp_path_factory.mktemp("packages")
    subprocess.run([sys.executable, ROOT / "tools/package.py", "--out", out, "--level", "0"], check=True, stdout=subprocess.DEVNULL)
    return out


@pytest.fixture(scope="module")
def installed(packages, tmp_path_factory):
    """What the .deb puts into a file system."""
    root = tmp_path_factory.mktemp("root")
    subprocess.run(["dpkg-deb", "--extract", next(packages.glob("*.deb")), root], check=True)
    return root


def without_source(command, **more):
    """Runs a command where this checkout and its build are not to be seen."""
    script = f"mount -t tmpfs none {shlex.quote(str(ROOT))} && cd / && exec {shlex.join(map(str, command))}"
    return subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, env=environment(**more), timeout=600)


def test_the_package_declares_what_the_programs_need(packages):
    fields = subprocess.run(["dpkg-deb", "--field", next(packages.glob("*.deb"))], check=True, capture_output=True, text=True).stdout
    for part in "Package: sluice", "Architecture: amd64", "libsqlite3-0 (>= ", "libarchive13", "libgit2-1.5", "libjpeg62-turbo (>= ", "libssl3 (>= ", "libc6 (>= ":
        assert part in fields, fields
    assert "libopenvino" not in fields, "its libraries are in the package"


def test_the_main_job_runs_from_the_package(installed, stamps, tmp_path):
    sluice = installed / "usr/bin/sluice"
    program = without_source([sluice, "--version"])
    assert program.stdout.startswith("sluice "), program.stderr
    doctor = without_source([sluice, "doctor", "--data", tmp_path / "data"])
    assert doctor.returncode == 0 and f"{installed}/usr/lib/sluice/bin" in doctor.stdout, doctor.stdout
    assert re.search(r"^uv +works", doctor.stdout, re.M), doctor.stdout
    pictures = shutil.copytree(stamps, tmp_path / "stamps")
    example = shutil.copytree(installed / "usr/lib/sluice/share/sluice/examples/stamps", tmp_path / "example")
    done = without_source([sluice, "run", example / "sluice.yaml", "--input", f"pictures={pictures}", "--data", tmp_path / "data"])
    assert done.returncode == 0 and 'endpoint = "stamps"' in done.stdout, (done.stdout, done.stderr)


def test_every_library_is_in_the_package_or_a_dependency(installed):
    for program in "sluice", "sluice-host":
        found = without_source(["ldd", installed / "usr/lib/sluice/bin" / program]).stdout
        assert "not found" not in found and str(ROOT) not in found, found


def test_the_package_has_completion_documents_and_a_unit(installed):
    for file in ("usr/share/bash-completion/completions/sluice", "usr/share/zsh/vendor-completions/_sluice", "usr/share/doc/sluice/operate.md",
                 "usr/share/doc/sluice/copyright", "lib/systemd/system/sluice.service", "usr/lib/sluice/share/sluice/models/efficientnet-lite0.git/HEAD"):
        assert (installed / file).stat().st_size > 0, file
    unit = (installed / "lib/systemd/system/sluice.service").read_text()
    assert "User=sluice" in unit and "NoNewPrivileges=yes" in unit


def test_the_tarball_installs_and_replaces_what_it_installed(packages, tmp_path):
    subprocess.run(["tar", "-C", tmp_path, "-xf", next(packages.glob("*.tar.gz"))], check=True)
    unpacked = next(tmp_path.glob("sluice-*"))
    home = tmp_path / "home"
    home.mkdir()
    for _ in range(2):  # again, over what is there
        script = f"mount -t tmpfs none /usr/local && mkdir /usr/local/bin && {unpacked}/install {home}/sluice && /usr/local/bin/sluice --version"
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, env=environment())
        assert done.returncode == 0 and "\nsluice " in done.stdout, (done.stdout, done.stderr)
    assert not (home / "sluice.old").exists() and not (home / "sluice.new").exists()
