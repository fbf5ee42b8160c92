"""Python environments of clients: created once, of exactly what a lock names, from the package index that is configured on this machine."""
import concurrent.futures
import re
import subprocess

import clients
import pytest
from sluice_program import ROOT

# Two lines of our own lock: small packages without dependencies.
ONE, OTHER = [next(line for line in (ROOT / "tools" / "requirements.lock").read_text().splitlines() if line.startswith(name)) for name in ("iniconfig==", "pluggy==")]


@pytest.fixture
def environments(tmp_path):
    (tmp_path / "locks").mkdir()
    made = clients.Environments(tmp_path / "locks", tmp_path / "made")
    for name in ("first", "second"):
        (made.locks / f"{name}.lock").write_text(ONE + "\n")
    return made


def packages_of(python):
    listed = subprocess.run([python, "-c", "import importlib.metadata as m; print(*sorted(d.name for d in m.distributions()))"], capture_output=True, text=True, check=True)
    return listed.stdout.split()


def test_a_changed_lock_recreates_only_its_environment(environments):
    first, second = environments.python_of("first"), environments.python_of("second")
    assert packages_of(first) == packages_of(second) == ["iniconfig"]
    made = {python: python.lstat().st_ctime_ns for python in (first, second)}
    assert environments.python_of("first") == first and first.lstat().st_ctime_ns == made[first], "an up-to-date environment is kept"
    (environments.locks / "first.lock").write_text(f"{ONE}\n{OTHER}\n")
    assert packages_of(environments.python_of("first")) == ["iniconfig", "pluggy"]
    assert packages_of(environments.python_of("second")) == ["iniconfig"] and second.lstat().st_ctime_ns == made[second]


def test_concurrent_use_is_safe(environments):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        pythons = list(pool.map(environments.python_of, ["first"] * 4))
    assert [packages_of(python) for python in pythons] == [["iniconfig"]] * 4


def test_a_wrong_hash_is_refused(environments):
    (environments.locks / "first.lock").write_text(re.sub("sha256:.*", "sha256:" + "0" * 64, ONE))
    with pytest.raises(clients.InstallFailed, match="[Hh]ash"):
        environments.python_of("first")
    (environments.locks / "first.lock").write_text(ONE)
    assert packages_of(environments.python_of("first")) == ["iniconfig"], "an incomplete environment is not used"


def test_an_unknown_client_is_reported(environments):
    with pytest.raises(clients.InstallFailed, match="no .*third.lock; there are first, second"):
        environments.python_of("third")


def test_settings_of_pip_are_passed_to_uv():
    listed = "\n".join([":env:.cert='/certs.pem'", ":env:.index-url='https://mirror.example/simple'", "global.index-url='https://other.example/simple'",
                        "global.find-links='\\n/nowhere\\nhttps://wheels.example'", "global.timeout='60'", "list.format='columns'"])
    settings = clients.as_uv_settings(listed, {})
    assert settings["UV_DEFAULT_INDEX"] == "https://mirror.example/simple", "the environment overrides configuration files"
    assert settings["SSL_CERT_FILE"] == "/certs.pem" and settings["UV_HTTP_TIMEOUT"] == "60"
    assert settings["UV_FIND_LINKS"] == "https://wheels.example", "missing folders are left out"
    assert "UV_INDEX" not in settings
    assert "UV_DEFAULT_INDEX" not in clients.as_uv_settings(listed, {"UV_INDEX_URL": "https://mine.example"}), "settings of uv take precedence"
    assert "UV_DEFAULT_INDEX" not in clients.as_uv_settings("", {})
