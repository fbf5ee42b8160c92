"""Writes a bare model repository with git's plumbing commands, with the same commit ids on every machine.

    refs/heads/main            content
    refs/tags/v1               annotated; its last line is the version's record
    refs/aliases/champion      the same tag object
    refs/meta/registry         one commit per change of the registry: its state in model.json, the event in its message
    lfs/objects/ab/cd/DIGEST   the bytes behind the git-lfs pointers
"""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

LFS_ABOVE_BYTES = 100_000
AUTHOR = "Sluice", "sluice@localhost"


class BareRepository:
    def __init__(self, path: pathlib.Path, time_s: int):
        self.path = path
        self.time_s = time_s
        name, mail = AUTHOR
        # The user's and the machine's settings must not change what is written.
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_DIR": str(path),
            **{f"GIT_{who}_NAME": name for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": mail for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_DATE": f"{time_s} +0000" for who in ("AUTHOR", "COMMITTER")},
        }
        shutil.rmtree(path, ignore_errors=True)
        self.git("init", "--quiet", "--bare", "--template=", "--initial-branch=main")

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        done = subprocess.run(["git", *arguments], input=stdin, env=self.environment, stdout=subprocess.PIPE, check=True)
        return done.stdout.decode().strip()

    def file(self, name: str, content: bytes) -> str:
        """Stores a file, or a git-lfs pointer to it. Returns its line of a tree object."""
        if name.endswith(".onnx") or len(content) > LFS_ABOVE_BYTES:
            content = self.lfs_pointer(content)
        return f"100644 blob {self.git('hash-object', '-w', '--stdin', stdin=content)}\t{name}"

    def lfs_pointer(self, content: bytes) -> bytes:
        digest = hashlib.sha256(content).hexdigest()
        target = self.path / "lfs" / "objects" / digest[:2] / digest[2:4] / digest
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n".encode()

    def commit(self, ref: str, files: dict[str, bytes], message: str) -> str:
        tree = self.git("mktree", stdin="\n".join(self.file(*item) for item in files.items()).encode() + b"\n")
        parent = self.git("for-each-ref", "--format=%(objectname)", ref)
        commit = self.git("commit-tree", tree, *(["-p", parent] if parent else []), stdin=message.encode())
        self.git("update-ref", ref, commit)
        return commit

    def tag(self, name: str, commit: str, message: str) -> str:
        header = f"object {commit}\ntype commit\ntag {name}\ntagger {AUTHOR[0]} <{AUTHOR[1]}> {self.time_s} +0000\n\n"
        tag = self.git("mktag", stdin=(header + message).encode())
        self.git("update-ref", f"refs/tags/{name}", tag)
        return tag

    def registry_event(self, state: dict, subject: str, event: dict) -> None:
        event = {**event, "by": "sluice", "at_ms": self.time_s * 1000}
        self.commit("refs/meta/registry", {"model.json": to_json(state)}, f"{subject}\n\nOp: {one_line(event)}\n")

    def publish(self, model: str, description: str, tags: dict[str, str], files: dict[str, bytes]) -> str:
        """Publishes version 1 with the alias `champion`. Returns its commit."""
        time_ms = self.time_s * 1000
        record = {"created_ms": time_ms, "user": "sluice", "source": "builtin", "description": description, "tags": tags,
                  "key": f"builtin/{model}"}
        state = {"name": model, "description": description, "tags": tags, "created_ms": time_ms, "updated_ms": time_ms}

        self.registry_event(state, f"create {model}", {"op": "create"})
        commit = self.commit("refs/heads/main", files, f"{model} v1\n\n{description}\n")
        tag = self.tag("v1", commit, f"{model} v1\n\nSluice-Record: {one_line(record)}\n")
        self.registry_event(state, "version v1", {"op": "version", "version": "v1"})
        self.git("update-ref", "refs/aliases/champion", tag)
        self.registry_event(state, "alias champion -> v1", {"op": "alias", "alias": "champion", "from": None, "to": "v1"})

        self.git("repack", "-a", "-d", "--quiet")
        self.git("pack-refs", "--all")
        self.git("fsck", "--strict", "--no-dangling", "--no-progress")
        return commit


def one_line(value: dict) -> str:
    return json.dumps(value, separators=(",", ":"))


def to_json(value) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
