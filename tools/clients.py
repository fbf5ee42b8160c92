#!/usr/bin/env python3
"""Python environments for tests: clients of Sluice, and servers that it is compared with.

The environment build/clients/NAME is created from tests/clients/NAME.lock when a test first needs it; every file is checked against its
hash. If a lock changes, only its environment is created again; build/venv is never touched. The environments are created by uv, which is
installed from tools/uv.lock into build/uv.

    clients.py NAME    creates the environment if necessary, and prints the path of its interpreter
    clients.py --uv    installs uv if necessary, and prints its path
"""
import ast
import fcntl
import hashlib
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SYSTEM_PYTHON = "/usr/bin/python3"
LIMIT_S = 600


class InstallFailed(Exception):
    pass


class Environments:
    """Environments in `folder`, from `locks`/NAME.lock. Safe for concurrent processes."""

    def __init__(self, locks, folder):
        self.locks = pathlib.Path(locks)
        self.folder = pathlib.Path(folder)

    def names(self):
        return sorted(path.stem for path in self.locks.glob("*.lock"))

    def python_of(self, name):
        if name not in self.names():
            raise InstallFailed(f"there is no {self.locks / name}.lock; there are {', '.join(self.names())}")
        made_once(self.folder / name, self.locks / f"{name}.lock", make_environment)
        return self.folder / name / "bin" / "python"


def names():
    return OURS.names()


def python_of(name):
    """The interpreter of build/clients/NAME."""
    return OURS.python_of(name)


def made_once(folder, lock, make):
    """Calls make(folder, lock) unless the folder was made from the same content of the lock."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = folder / "lock.sha256"
    with open(folder.with_name(f".{folder.name}.flock"), "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            make(folder, lock)
            stamp.write_text(wanted)


def make_environment(folder, lock):
    uv = uv_program()
    settings = uv_settings()
    quietly([uv, "venv", "--quiet", "--python", SYSTEM_PYTHON, folder], settings)
    quietly([uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", "--no-deps", "--only-binary", ":all:", "--require-hashes",
             "--requirement", lock], settings)


def uv_program():
    made_once(ROOT / "build" / "uv", ROOT / "tools" / "uv.lock", install_uv)
    return ROOT / "build" / "uv" / "bin" / "uv"


def install_uv(folder, lock):
    quietly([*PIP, "install", "--no-input", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--target", folder, "--requirement", lock])


def quietly(command, settings=None):
    done = subprocess.run(command, cwd=ROOT, env=os.environ | (settings or {}), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=LIMIT_S)
    if done.returncode != 0:
        raise InstallFailed(f"`{shlex.join(map(str, command))}` ended with {done.returncode}:\n{done.stdout[-5000:]}")


def uv_settings():
    """uv does not read pip's configuration: the machine's settings for pip are passed on."""
    listed = subprocess.run([*PIP, "config", "list"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return as_uv_settings(listed, os.environ)


def as_uv_settings(listed, environment):
    """Translates the output of `pip config list` to environment variables. Variables that are already set take precedence."""
    pip = {}
    for section in ("global.", "install.", ":env:."):  # later ones override earlier ones
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(section):
                pip[name.removeprefix(section)] = " ".join(ast.literal_eval(value).split())
    links = [link for link in pip.get("find-links", "").split() if "://" in link or os.path.isdir(link)]
    settings = {
        "UV_DEFAULT_INDEX": pip.get("index-url"),
        "UV_INDEX": pip.get("extra-index-url"),
        "UV_FIND_LINKS": ",".join(links),
        "UV_INSECURE_HOST": pip.get("trusted-host"),
        "SSL_CERT_FILE": pip.get("cert"),
        "HTTPS_PROXY": pip.get("proxy"),
        "UV_HTTP_TIMEOUT": pip.get("timeout") or pip.get("default-timeout"),
    }
    older = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}  # older names, still supported by uv
    # Like pip, consider every index; the hashes guarantee the right file.
    return {"UV_PYTHON_DOWNLOADS": "never", "UV_INDEX_STRATEGY": "unsafe-best-match"} | {
        name: value for name, value in settings.items() if value and environment.keys().isdisjoint((name, older.get(name, name)))}


PIP = [ROOT / "build" / "venv" / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
OURS = Environments(ROOT / "tests" / "clients", ROOT / "build" / "clients")


if __name__ == "__main__":
    try:
        print(uv_program() if sys.argv[1:] == ["--uv"] else python_of(*sys.argv[1:]))
    except InstallFailed as problem:
        sys.exit(f"clients: {problem}")
