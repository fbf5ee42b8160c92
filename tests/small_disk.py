"""Disks that are full or read-only: file systems of their own in memory. Needs root, as `./dev test` does."""
import contextlib
import pathlib
import subprocess


class SmallDisk:
    """A file system of so many KB at `folder`."""

    def __init__(self, folder, kilobytes):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.kilobytes = kilobytes
        self.filler = self.folder / ".filler"
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=700", "small", self.folder], check=True)

    def fill(self):
        """Leaves no byte."""
        with open(self.filler, "wb", buffering=0) as filler:
            with contextlib.suppress(OSError):  # no space is left
                while True:
                    filler.write(bytes(4096))

    def free(self):
        self.filler.unlink(missing_ok=True)

    def make_read_only(self):
        """Fails while somebody has a file there open for writing."""
        subprocess.run(["mount", "-o", "remount,ro", self.folder], check=True)

    def take_away(self):
        subprocess.run(["umount", "--lazy", self.folder], check=True)


@contextlib.contextmanager
def small_disk(folder, kilobytes):
    disk = SmallDisk(folder, kilobytes)
    try:
        yield disk
    finally:
        disk.take_away()


@contextlib.contextmanager
def seen_read_only(folder, at):
    """The folder once more, at a place where nobody can write."""
    pathlib.Path(at).mkdir()
    subprocess.run(["mount", "--bind", folder, at], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", at], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)
