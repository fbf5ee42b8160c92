#!/usr/bin/env python3
"""Assembles the demo's labeled pictures: FOLDER/CLASS/*.png, one subfolder per class.

The pictures are those of the installed Debian package tuxpaint-stamps-default (GPL-2). They are copied on this machine and
never added to the project's git repository.

    tools/stamps.py [FOLDER]    # default: build/stamps
"""
import argparse
import os
import pathlib
import shutil
import sys
import tempfile

PACKAGE = "tuxpaint-stamps-default"
SOURCE = pathlib.Path("/usr/share/tuxpaint/stamps")
CLASSES = {
    "bird": "animals/birds",
    "clothes": "clothes",
    "fish": "animals/fish",
    "flower": "plants/flowers",
    "fruit": "food/fruit",
    "insect": "animals/insects",
    "mammal": "animals/mammals",
    "tool": "household/tools",
    "vegetable": "food/vegetables",
    "vehicle": "vehicles",
}
# Drawings, plastic flowers and suits of armor: they differ from the photographs that the embedding was trained on.
EXCLUDED = ("cartoon", "plastic", "armor")


class MissingPackage(Exception):
    pass


def wanted(source=SOURCE):
    """Returns the pictures as {relative target: source file}."""
    pictures = {}
    for label, folder in CLASSES.items():
        if not (source / folder).is_dir():
            raise MissingPackage(f"{source / folder} is not there; install it with `apt-get install {PACKAGE}`")
        for path in sorted((source / folder).rglob("*.png")):
            if not any(word in str(path.relative_to(source)) for word in EXCLUDED):
                pictures[f"{label}/{path.name}"] = path
    return pictures


def assemble(target, source=SOURCE):
    """Creates the folder unless it is complete. Returns the numbers of its pictures and classes.

    The folder is created atomically: it is assembled in a temporary folder next to it and renamed.
    """
    target = pathlib.Path(target)
    pictures = wanted(source)
    present = {str(path.relative_to(target)): path for path in target.rglob("*") if path.is_file()}
    complete = present.keys() == pictures.keys() and all(
        present[name].stat().st_size == path.stat().st_size for name, path in pictures.items()
    )
    if not complete:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=target.name + ".", dir=target.parent) as scratch:
            new = pathlib.Path(scratch) / "new"
            for name, path in pictures.items():
                (new / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, new / name)
            if target.exists():
                os.rename(target, pathlib.Path(scratch) / "old")
            os.rename(new, target)
    return len(pictures), len(CLASSES)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", nargs="?", default=pathlib.Path(__file__).resolve().parent.parent / "build/stamps")
    folder = parser.parse_args().folder
    try:
        pictures, classes = assemble(folder)
    except (MissingPackage, OSError) as failure:
        print(f"stamps: {failure}", file=sys.stderr)
        return 3
    print(f"{folder}: {pictures} pictures in {classes} classes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
