"""Debian's podman for tests, with a storage of its own, and images made of busybox: nothing is downloaded, and nothing is left behind."""
import contextlib
import io
import json
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

from sluice_program import environment

BUSYBOX = pathlib.Path("/bin/busybox")  # of the package busybox-static
# These work in a chroot or container too: without systemd, and on a root that is an overlay; the limits are below those of a machine that gives few.
GLOBAL = ["--storage-driver", "vfs", "--runtime", "runc", "--cgroup-manager", "cgroupfs"]
RUN = ["--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"]


def make_root(file, extra=()):
    """A file system with busybox under all its names, as a tar; `extra`: pairs (path, text) of further programs."""
    names = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
    with tarfile.open(file, "w") as out:
        for folder in ("bin", "tmp", "etc", "proc", "sys", "dev"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            out.addfile(entry)
        out.add(BUSYBOX, "bin/busybox")
        for name in names:
            if name != "busybox":
                entry = tarfile.TarInfo(f"bin/{name}")
                entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
                out.addfile(entry)
        for path, text in extra:
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(text.encode()), 0o755
            out.addfile(entry, io.BytesIO(text.encode()))


class Podman:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-podman-"))  # a short path: podman refuses others
        self.command = ["podman", "--root", str(self.folder / "root"), "--runroot", str(self.folder / "run"), *GLOBAL]

    def __call__(self, *arguments):
        done = subprocess.run([*self.command, *map(str, arguments)], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def make_image(self, name, *changes, extra=()):
        """Returns the digest of its configuration."""
        file = self.folder / "image.tar"
        make_root(file, extra)
        self("import", *(f"--change={change}" for change in changes), file, name)
        file.unlink()
        return self.digest(name)

    def digest(self, name):
        return "sha256:" + json.loads(self("image", "inspect", name))[0]["Id"]

    def cgroups(self):
        """podman leaves an empty one for each container whose monitor was killed."""
        return [path for depth in ("", "*/") for path in pathlib.Path("/sys/fs/cgroup").glob(depth + self.folder.name)]

    def settings(self, *options, shared=None):
        """The environment of a program of Sluice that uses this engine; `shared`: a folder that every container sees as /shared."""
        mount = ["--volume", f"{shared}:/shared"] if shared else []
        return environment(SLUICE_CONTAINER_ENGINE=" ".join(self.command), SLUICE_CONTAINER_RUN_OPTIONS=" ".join([*RUN, f"--cgroup-parent=/{self.folder.name}", *mount, *options]))

    def containers(self):
        """The names of all containers, running or not."""
        return self("ps", "--all", "--format", "{{.Names}}").split()

    def close(self):
        with contextlib.suppress(AssertionError, subprocess.SubprocessError):  # what it could not remove is unmounted below
            self("rm", "--force", "--all", "--time", "0")
        mounts = [line.split()[1] for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
        for mount in sorted(mounts, reverse=True):
            if mount.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "--lazy", mount], check=True)
        for cgroup in self.cgroups():
            for path in [*sorted((path for path in cgroup.rglob("*") if path.is_dir()), reverse=True), cgroup]:
                path.rmdir()
        shutil.rmtree(self.folder)
