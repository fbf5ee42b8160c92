#!/usr/bin/env python3
"""Demonstrates Sluice's main job: from a folder of labeled pictures to a served, versioned model. `./dev demo` runs it.

    demo.py [--json FILE] [--keep] [--data DIR] [--seeds N]
"""
import argparse
import base64
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
import stamps

ROOT = pathlib.Path(__file__).resolve().parent.parent
SLUICE = pathlib.Path(os.environ.get("SLUICE_BIN", ROOT / "build/bin")) / "sluice"
PICTURES = ROOT / "build/stamps"
EXAMPLE = ROOT / "examples/stamps"
NAME = "stamps"  # of the model and of the endpoint
SEED = 7
LEARN = 5  # pictures per class
USUAL_PORT = 8080

# What is assumed about the server, its data folder and its responses.
LISTENING = "listening on "


def object_file(data, digest):
    return data / "objects" / digest[:2] / digest[2:4] / digest


def repository(data):
    return data / "models/default" / f"{NAME}.git"


def digest_of(artifact):
    return artifact["$artifact"]["digest"]


def tasks_of(run):
    return [task for task in run["tasks"] if task["kind"] in ("process", "service")]


class Failure(Exception):
    """A precondition of the demo does not hold; the message is for the user."""


class Server:
    """A `sluice up` process that the demo starts and stops."""

    def __init__(self, data, listen):
        self.data = data
        self.output = tempfile.NamedTemporaryFile("w+", prefix="sluice-up-", suffix=".log", delete=False)
        # Its own session, and a file instead of a pipe: with --keep it keeps running when this program ends.
        self.process = subprocess.Popen(
            [SLUICE, "up", "--data", data, "--listen", listen],
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.url = self._wait_for_url()

    def _wait_for_url(self):
        log = pathlib.Path(self.output.name)
        for _ in range(6000):
            for line in log.read_text().splitlines(keepends=True):
                if line.startswith(LISTENING) and line.endswith("\n"):
                    return line.removeprefix(LISTENING).strip()
            if self.process.poll() is not None:
                raise Failure(f"`sluice up` ended with status {self.process.returncode}:\n{log.read_text()}")
            time.sleep(0.005)
        self.stop()
        raise Failure(f"`sluice up` did not listen within 30 s; its log is {log}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.output.close()
        pathlib.Path(self.output.name).unlink(missing_ok=True)


def run_plan(data, plan, **inputs):
    """Runs a plan on the server that holds `data`. Returns the finished run and the seconds since its submission."""
    arguments = [f"--input={name}={value}" for name, value in inputs.items()]
    started = time.monotonic()
    done = subprocess.run(
        [SLUICE, "run", EXAMPLE / plan, "--data", data, "--json", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    seconds = time.monotonic() - started
    try:
        run = json.loads(done.stdout)
    except ValueError:
        raise Failure(f"`sluice run {plan}` ended with status {done.returncode}:\n{done.stderr}{done.stdout}") from None
    if run.get("status") != "succeeded":
        raise Failure(f"run {run.get('run')} {run.get('status')} at {run.get('failed_at')}: {run.get('message')}")
    return run, seconds


def ask(url, files):
    """Requests predictions with the Open Inference Protocol V2. Returns one (label, confidence, rejected) per file."""
    image = {
        "name": "image",
        "shape": [len(files)],
        "datatype": "BYTES",
        "parameters": {"content_type": "base64"},
        "data": [base64.b64encode(file.read_bytes()).decode() for file in files],
    }
    request = urllib.request.Request(
        f"{url}/v2/models/{NAME}/infer",
        data=json.dumps({"inputs": [image]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            reply = json.load(response)
    except urllib.error.HTTPError as refusal:
        raise Failure(f"the endpoint returned status {refusal.code}: {refusal.read().decode(errors='replace')}") from None
    outputs = {output["name"]: output for output in reply["outputs"]}
    probabilities = outputs["probability"]["data"]
    each = len(probabilities) // len(files)
    confidence = [max(probabilities[i * each : (i + 1) * each]) for i in range(len(files))]
    return list(zip(outputs["label"]["data"], confidence, outputs["rejected"]["data"]))


def five_held_out(data, run):
    """Returns five held-out pictures, of five classes spread over all classes."""
    split = json.loads(object_file(data, digest_of(run["outputs"]["split"])).read_text())
    classes = split["classes"]
    chosen = [classes[i * len(classes) // 5] for i in range(5)]
    return [next(picture for picture in split["held_out"] if picture["label"] == label) for label in chosen]


def short(path):
    """Returns the path relative to the current folder if it is below it."""
    path = pathlib.Path(path)
    return path.relative_to(pathlib.Path.cwd()) if path.is_relative_to(pathlib.Path.cwd()) else path


def title(text):
    print(f"\n{text}", flush=True)


def print_tasks(run):
    for task in tasks_of(run):
        took = "cached" if task["cached"] else f"{task.get('seconds', 0):.2f} s"
        print(f"  {task['path']:<28} {task.get('service', 'process'):<16} {took}")


def print_confusion(confusion):
    classes, counts = confusion["classes"], confusion["counts"]
    width = max(len(label) for label in classes)
    print(" " * (width + 2), *(f"{label[:6]:>6}" for label in classes))
    for label, row in zip(classes, counts):
        print(f"  {label:<{width}}", *(f"{count or '.':>6}" for count in row))


def print_accuracy(metrics):
    print(
        f"accuracy {metrics['accuracy']:.3f} (95 % interval {metrics['accuracy_low']:.3f} to {metrics['accuracy_high']:.3f}), "
        f"{metrics['pictures']} held-out pictures; calibration error {metrics['calibration_error']:.3f}"
    )
    of_right, of_wrong = metrics["rejected_of_right"] or 0, metrics["rejected_of_wrong"] or 0
    print(f"rejects {100 * of_right:.0f} % of its right and {100 * of_wrong:.0f} % of its wrong predictions")


def print_predictions(pictures, predictions):
    for picture, (label, confidence, rejected) in zip(pictures, predictions):
        verdict = "rejected" if rejected else "right" if label == picture["label"] else "wrong"
        print(f"  {picture['path']:<34} {label:<12} {confidence:.2f}  {verdict}")


def print_history(data):
    log = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", repository(data), "log", "--decorate", "--format=%h%d %s: %b", "main"],
        capture_output=True,
        text=True,
    )
    for line in filter(None, (log.stdout or log.stderr).splitlines()):
        print(f"  {line}")


def print_next(server, data, picture, arguments):
    """`server`: the one that keeps running, or None."""
    url = server.url if server else f"http://127.0.0.1:{USUAL_PORT}"
    sluice, file, folder = short(SLUICE), short(PICTURES / picture), short(data)
    title("What to try next")
    if server:
        print(f"  The server keeps running at {url}, its data is in {folder}; `kill {server.process.pid}` stops it.")
    elif arguments.data:
        print(f"  {sluice} up --data {folder}    # then, in another terminal:")
    else:
        print("  ./dev demo --keep    # keeps the server running; then:")
    body = '{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","parameters":{"content_type":"base64"},"data":["%s"]}]}'
    print(f"  printf '{body}' \"$(base64 -w0 {file})\" | curl -s --json @- {url}/v2/models/{NAME}/infer")
    if server or arguments.data:
        print(f"  {sluice} predict {NAME} {file} --data {folder}")
        print(f"  {sluice} show {NAME}@v1 --data {folder}")
        print(f"  git clone {short(repository(data))} my-{NAME}")


def run_seeds(data, count):
    run, seconds = run_plan(data, "seeds.yaml", pictures=PICTURES, seeds=count)
    accuracies = run["outputs"]["accuracies"]
    mean = sum(accuracies) / len(accuracies)
    title(f"{count} seeds in {seconds:.1f} s: mean accuracy {mean:.3f}, lowest {min(accuracies):.3f}, highest {max(accuracies):.3f}")
    return {"count": count, "mean": mean, "lowest": min(accuracies), "highest": max(accuracies)}


def show(server, data, arguments):
    """Runs the job and prints it. Returns what --json writes, and a picture for further requests."""
    pictures, classes = stamps.assemble(PICTURES)
    title(f"{pictures} pictures in {classes} classes, {LEARN} of each for training: sluice run {short(EXAMPLE / 'sluice.yaml')}")
    started = time.monotonic()
    run, _ = run_plan(data, "sluice.yaml", pictures=PICTURES, learn=LEARN, seed=SEED, name=NAME)
    held_out = five_held_out(data, run)
    ask(server.url, [PICTURES / held_out[0]["path"]])
    first_prediction = time.monotonic() - started
    predictions = ask(server.url, [PICTURES / picture["path"] for picture in held_out])
    outputs, metrics = run["outputs"], run["outputs"]["metrics"]
    print_tasks(run)

    title(f"Model {outputs['model']} v{outputs['version']}, commit {outputs['commit'][:12]}")
    print_accuracy(metrics)
    title("Confusion matrix (a row for each true class, a column for each prediction)")
    print_confusion(metrics["confusion"])
    title(f"Five held-out pictures, sent to {server.url}/v2/models/{outputs['endpoint']}/infer")
    print_predictions(held_out, predictions)

    again, rerun = run_plan(data, "sluice.yaml", pictures=PICTURES, learn=LEARN, seed=SEED, name=NAME)
    cached = sum(task["cached"] for task in tasks_of(again))
    title(f"From the folder to the endpoint's first prediction  {first_prediction:.2f} s")
    print(f"The same run again                                   {rerun:.2f} s  ({cached} tasks cached, still v{again['outputs']['version']})")
    title(f"git log of {short(repository(data))}")
    print_history(data)

    result = {
        "accuracy": outputs["accuracy"],
        "classes": classes,
        "learned_from": outputs["learned"],
        "held_out": outputs["held_out"],
        "folder_to_first_answer_s": round(first_prediction, 3),
        "rerun_s": round(rerun, 3),
        "rerun_cached_tasks": cached,
        "model": outputs["model"],
        "version": outputs["version"],
        "commit": outputs["commit"],
        "endpoint": outputs["endpoint"],
    }
    if arguments.seeds:
        result["seeds"] = run_seeds(data, arguments.seeds)
    return result, held_out[0]["path"]


def usual_address():
    """Returns the usual address for a server that keeps running, or one with a free port if that is in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", USUAL_PORT))
        except OSError:
            return "127.0.0.1:0"
    return f"127.0.0.1:{USUAL_PORT}"


@contextlib.contextmanager
def data_folder(arguments):
    """Yields --data, or a temporary folder, which is removed at the end unless --keep left its server running."""
    if arguments.data:
        folder = pathlib.Path(arguments.data).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-demo-"))
    kept = False
    try:
        yield folder
        kept = arguments.keep
    finally:
        if not kept:
            for inner, _, _ in os.walk(folder):  # materialized artifacts are read-only
                os.chmod(inner, stat.S_IRWXU)
            shutil.rmtree(folder, ignore_errors=True)


def positive(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def main():
    parser = argparse.ArgumentParser(prog="./dev demo", description="Runs Sluice's main job: from labeled pictures to a served model.")
    parser.add_argument("--json", metavar="FILE", help="write the results to this file")
    parser.add_argument("--keep", action="store_true", help="keep the server running")
    parser.add_argument("--data", metavar="DIR", help="use this data folder, and keep it")
    parser.add_argument("--seeds", metavar="N", type=positive, help="then also train with N other splits, and print the mean accuracy")
    arguments = parser.parse_args()
    try:
        with data_folder(arguments) as data:
            server = Server(data, usual_address() if arguments.keep else "127.0.0.1:0")
            kept = False
            try:
                result, picture = show(server, data, arguments)
                print_next(server if arguments.keep else None, data, picture, arguments)
                if arguments.json:
                    pathlib.Path(arguments.json).write_text(json.dumps(result, indent=2) + "\n")
                kept = arguments.keep
            finally:
                if not kept:
                    server.stop()
    except (Failure, stamps.MissingPackage, OSError) as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
