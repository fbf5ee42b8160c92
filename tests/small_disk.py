"""Disks that are full or read-only, as separate file systems in memory. Needs root, as `./dev test` does."""
import contextlib
import pathlib
import subprocess


class SmallDisk:
    """A file system of `kilobytes` KB, mounted at `folder`."""

    def __init__(self, folder, kilobytes):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.kilobytes = kilobytes
        self.filler = self.folder / ".filler"
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=700", "small", self.folder], check=True)

    def fill(self):
        """Fills the disk completely."""
        with open(self.filler, "wb", buffering=0) as filler:
            with contextlib.suppress(OSError):  # no space is left
                while True:
                    filler.write(bytes(4096))

    def free(self):
        self.filler.unlink(missing_ok=True)

    def make_read_only(self):
        """Fails while a file on it is open for writing."""
        subprocess.run(["mount", "-o", "remount,ro", self.folder], check=True)

    def unmount(self):
        subprocess.run(["umount", "--lazy", self.folder], check=True)


@contextlib.contextmanager
def small_disk(folder, kilobytes):
    disk = SmallDisk(folder, kilobytes)
    try:
        yield disk
    finally:
        disk.unmount()


@contextlib.contextmanager
def seen_read_only(folder, at):
    """Mounts the folder read-only at a second path."""
    pathlib.Path(at).mkdir()
    subprocess.run(["mount", "--bind", folder, at], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", at], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)
