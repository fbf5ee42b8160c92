#!/usr/bin/env python3
"""Measures Sluice and a peer, alternately, in the same run. `./dev bench` runs it.

    bench.py [process] [engine] [command] [serving] [store] [environments] [containers] [tracking] [kubeflow] [--rounds N] [--json FILE]

Every figure is the median of the rounds; a ratio is Sluice's figure divided by the peer's. The commands that ran are printed. An
absolute figure means little on a shared machine; a ratio means more. The first table measures the machine itself.
"""
import argparse
import contextlib
import datetime
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True
import clients
import demo
import stamps

ROOT = pathlib.Path(__file__).resolve().parent.parent
SLUICE = demo.SLUICE
PROGRAMS = ROOT / "build/release/bench"

ran = []  # commands, without duplicates


def run(*command, cwd=None):
    """Runs a command. Returns (seconds, stdout)."""
    words = [str(word) for word in command]
    shown = " ".join(word.replace(str(ROOT) + "/", "") for word in words[:6]) + (" …" if len(words) > 6 else "")
    if shown not in ran:
        ran.append(shown)
    start = time.perf_counter()
    done = subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise demo.Failure(f"{shown} ended with status {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return seconds, done.stdout


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, figure, unit, goal, reached, peer=None, peer_figure=None):
        row = {"what": what, "figure": figure, "unit": unit, "goal": goal, "reached": reached}
        if peer is not None:
            row |= {"peer": peer, "peer_figure": peer_figure, "ratio": figure / peer_figure}
        self.rows.append(row)
        beside = f"  {peer} {peer_figure:.4g}, ratio {row['ratio']:.2f}" if peer else ""
        print(f"  {what:<46} {figure:>9.4g} {unit:<6} goal {goal:<10} {'' if reached is None else 'yes' if reached else 'NO':<3}{beside}", flush=True)


def median(values):
    return statistics.median(values)


def plan_of(operations):
    return "sluice: 1\npipelines:\n  main:\n    graph:\n" + "".join(f"      {line}\n" for line in operations)


def chain(length, **fields):
    extra = "".join(f", {name}: {value}" for name, value in fields.items())
    return plan_of(f"t{i}: {{process: [/bin/true]{f', after: [t{i - 1}]' if i else ''}{extra}}}" for i in range(length))


def fan(width, at_once=None, command="/bin/true"):
    limit = f"limit: {at_once}, " if at_once else ""
    return plan_of([f'fan: {{each: "${{range({width})}}", as: i, {limit}graph: {{t: {{process: [{command}], cache: off}}}}}}'])


def ninja_of(count, in_a_row):
    rules = "rule run\n  command = /bin/true\n"
    rules += "".join(f"build o{i}: run{f' o{i - 1}' if in_a_row and i else ''}\n" for i in range(count))
    return rules + "build all: phony " + " ".join(f"o{i}" for i in range(count)) + "\ndefault all\n"


def bench_machine(table, folder, rounds):
    """The speed of the machine at present, for comparing results of different days."""
    measured = [json.loads(run(PROGRAMS / "machine_bench", cwd=folder)[1]) for _ in range(rounds)]
    for what, key, unit in (("first touch of a page of memory", "page_us", "µs"), ("waking a sleeping thread", "wake_us", "µs"),
                            ("copying memory", "copy_gb_s", "GB/s"), ("writing and syncing 4 KiB", "synced_write_ms", "ms")):
        table.add(what, median(one[key] for one in measured), unit, "-", None)


def bench_process(table, folder, rounds):
    """/bin/true as a process task, every event journaled, cache off, against ninja with the same command."""
    data = folder / "data"
    run(SLUICE, "runs", "--data", data)
    for name, count, plan, in_a_row in (("chain of 200", 200, chain(200, cache="off"), True), ("fan-out of 1,000, two at a time", 1000, fan(1000, 2), False),
                                        ("fan-out of 1,000, no limit", 1000, fan(1000), False)):
        (folder / f"{count}.yaml").write_text(plan)
        (folder / f"{count}.ninja").write_text(ninja_of(count, in_a_row))
        ours, theirs = [], []
        for _ in range(rounds):
            theirs.append(run("ninja", "-j2", "-f", f"{count}.ninja", cwd=folder)[0])
            ours.append(run(SLUICE, "run", f"{count}.yaml", "--data", data, cwd=folder)[0])
        ms, peer = 1e3 * median(ours) / count, 1e3 * median(theirs) / count
        table.add(f"process task, {name}", ms, "ms", "≤ ninja", ms <= peer, "ninja", peer)

    wait = median(waits_beside_a_fan_out(folder, rounds))
    table.add("first task of a run beside a fan-out of 50 ms tasks", 1e3 * wait, "ms", "≤ 100", wait <= 0.1)


def waits_beside_a_fan_out(folder, rounds):
    """Seconds from the submission of a run until its only task has ended, while another run has 100,000 tasks that are ready."""
    (folder / "large.yaml").write_text(fan(100_000, command="sleep, '0.05'"))
    (folder / "one.yaml").write_text(chain(1, cache="off"))
    server = demo.Server(folder / "beside", "127.0.0.1:0")
    try:
        large = submit(server.url, folder / "large.yaml")
        time.sleep(1)
        for _ in range(4 * rounds):
            start = time.perf_counter()
            run_id = submit(server.url, folder / "one.yaml")
            request = urllib.request.Request(f"{server.url}/v1/runs/{run_id}/events", headers={"Accept": "text/event-stream"})
            with urllib.request.urlopen(request, timeout=60) as events:
                events.read()
            yield time.perf_counter() - start
        urllib.request.urlopen(urllib.request.Request(f"{server.url}/v1/runs/{large}/cancel", method="POST"), timeout=60).close()
    finally:
        server.stop()


def submit(url, plan, **options):
    body = json.dumps({"plan": plan.read_text(), "file": plan.name} | options).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}/v1/runs", data=body, headers={"Content-Type": "application/json"}), timeout=60) as response:
        return json.load(response)["run"]


def bench_engine(table, folder, rounds):
    """The engine with an executor whose attempts finish immediately."""
    def measured(*arguments, times=rounds):
        return [json.loads(run(PROGRAMS / "engine_bench", *arguments, cwd=folder)[1]) for _ in range(times)]

    def rate(figures):
        """Tasks a second, from the start of the run: starts are part of it."""
        return median(one["tasks"] / (one["open_s"] + one["seconds"]) for one in figures)

    memory, sqlite = measured("memory", 100_000), measured("sqlite", 100_000)
    started, started_sqlite = measured("memory", 8192, 8192), measured("sqlite", 8192, 8192)
    [million] = measured("sqlite", 1_000_000, times=1)
    table.add("tasks of a fan-out of 100,000, in memory", rate(memory), "/s", "-", None)
    table.add("tasks of a fan-out of 100,000, SQLite", rate(sqlite), "/s", "-", None)
    completions = median(one["per_second"] for one in started)
    table.add("completions of 8,192 started tasks, in memory", completions, "/s", "≥ 200,000", completions >= 200_000)
    completions = median(one["per_second"] for one in started_sqlite)
    table.add("completions of 8,192 started tasks, SQLite", completions, "/s", "≥ 50,000", completions >= 50_000)
    size = median(one["bytes_a_waiting_task"] for one in memory)
    table.add("memory of a waiting task", size, "bytes", "≤ 1,024", size <= 1024)
    size = median(one["bytes_a_waiting_task"] for one in started)
    table.add("memory of a started task, journal included", size, "bytes", "-", None)
    second = median(one["first_half_s"] / one["second_half_s"] for one in memory)
    table.add("fan-out of 100,000: second half's rate to first", second, "", "≥ 0.9", second >= 0.9)
    size = median(one["resident_mb"] for one in memory)
    table.add("fan-out of 100,000: memory", size, "MB", "≤ 300", size <= 300)
    kept = rate([million]) / rate(sqlite)
    table.add("tasks of a fan-out of 1,000,000, SQLite", rate([million]), "/s", "-", None)
    table.add("1,000,000 iterations: rate to that of 100,000", kept, "", "≥ 0.9", kept >= 0.9)
    second = million["first_half_s"] / million["second_half_s"]
    table.add("1,000,000 iterations: second half's rate to first", second, "", "≥ 0.9", second >= 0.9)
    size = million["resident_mb"]
    table.add("1,000,000 iterations: memory", size, "MB", "≤ 300", size <= 300)
    [restarted] = measured("restart", 1_000_000, times=1)
    seconds = restarted["restart_s"]
    table.add("1,000,000 iterations: a restart after 500,000", seconds, "s", "≤ 60", seconds <= 60)
    size = restarted["resident_mb"]
    table.add("the same: memory", size, "MB", "≤ 300", size <= 300)


def bench_command(table, folder, rounds):
    """Commands, as a user experiences them."""
    data = folder / "data"
    run(SLUICE, "runs", "--data", data)
    (folder / "thousand.yaml").write_text(plan_of(f"t{i}: {{process: [/bin/true, \"{i}\"]}}" for i in range(1000)))
    (folder / "one.yaml").write_text(chain(1, cache="off"))
    run(SLUICE, "run", "thousand.yaml", "--data", data, cwd=folder)
    again, one, alone, version = [], [], [], []
    for _ in range(rounds):
        again.append(run(SLUICE, "run", "thousand.yaml", "--data", data, cwd=folder)[0])
        one.append(run(SLUICE, "run", "one.yaml", "--data", data, cwd=folder)[0])
        alone.append(run("/bin/true")[0])
        version.append(run(SLUICE, "--version")[0])
    ms = 1e3 * median(again)
    table.add("re-run of 1,000 unchanged tasks", ms, "ms", "≤ 100", ms <= 100)
    ms = 1e3 * (median(one) - median(alone))
    table.add("sluice run of one task, minus the task", ms, "ms", "≤ 25", ms <= 25)
    ms = 1e3 * (median(version) - median(alone))
    table.add("sluice --version, minus /bin/true", ms, "ms", "≤ 5", ms <= 5)
    server = demo.Server(data, "127.0.0.1:0")
    try:
        time.sleep(1)
        with open(f"/proc/{server.process.pid}/status") as status:
            resident = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))
        table.add("idle server, resident", resident, "MB", "≤ 40", resident <= 40)
    finally:
        server.stop()


def bench_serving(table, folder, rounds):
    """The endpoint, compared with the same pictures through the same runtime in one process."""
    stamps.assemble(demo.PICTURES)
    data = folder / "data"
    server = demo.Server(data, "127.0.0.1:0")
    try:
        for name, seed in (("stamps", 7), ("other", 8)):
            demo.run_plan(data, "sluice.yaml", pictures=demo.PICTURES, seed=seed, name=name)
        pictures = sorted(demo.PICTURES.glob("*/*.png"))[::5]
        checkout(ROOT / "build/models/efficientnet-lite0.git", folder / "base")
        checkout(demo.repository(data), folder / "head")
        (folder / "compiled").mkdir()
        seconds = 3
        raw_command = (PROGRAMS / "serving_bench", "raw", folder / "base", folder / "head", folder / "compiled", seconds, *pictures)
        load_command = lambda clients: (PROGRAMS / "serving_bench", "load", server.url, "stamps", clients, seconds, *pictures)
        added_command = (PROGRAMS / "serving_bench", "added", folder / "base", folder / "head", folder / "compiled", server.url, "stamps", 2 * seconds, *pictures)
        raw, added, loads = [], [], {8: [], 64: []}
        demo.ask(server.url, [pictures[0]])
        for _ in range(max(1, rounds // 2)):
            raw.append([json.loads(line) for line in run(*raw_command)[1].splitlines()])
            added.append(json.loads(run(*added_command)[1])["added_p50_ms"])
            for clients, found in loads.items():
                found.append(json.loads(run(*load_command(clients))[1]))
        full = median(one[0]["per_second"] for one in raw)
        network = median(one[1]["network_per_second"] for one in raw)
        table.add("endpoint, 1 client: added latency, p50", median(added), "ms", "≤ 0.5", median(added) <= 0.5)
        for clients, found in loads.items():
            rate = median(one["per_second"] for one in found)
            table.add(f"endpoint, {clients} clients", rate, "/s", "≥ 0.90", rate >= 0.9 * full, "raw", full)
        table.add("the network alone, on prepared pictures", network, "/s", "-", None)
        table.add("1,000 heads on one base: memory per head", raw[-1][2]["bytes_a_head"] / 1024, "KiB", "-", None)
    finally:
        server.stop()
    zero, heads = [], []
    for _ in range(rounds):
        server = demo.Server(data, "127.0.0.1:0")
        try:
            zero.append(timed(lambda: ask(server.url, "stamps", pictures[0])))
            warm = median([timed(lambda: ask(server.url, "stamps", pictures[0])) for _ in range(20)])
            heads.append(timed(lambda: ask(server.url, "other", pictures[0])) - warm)
        finally:
            server.stop()
    table.add("a cold head on a warm base, minus a request", 1e3 * median(heads), "ms", "≤ 10", median(heads) <= 0.010)
    table.add("first request: starts the host, loads the model", 1e3 * median(zero), "ms", "≤ 150", median(zero) <= 0.150)


def bench_store(table, folder, rounds, runs=1_000_000, models=100_000, versions=1000):
    """Stores that hold much: pages of lists, look-ups, and registering one version more."""
    data = folder / "data"
    run(PROGRAMS / "store_bench", "seed", data, runs, models)
    read = [json.loads(run(PROGRAMS / "store_bench", "read", data)[1]) for _ in range(max(1, rounds // 2))]

    def add(what, key, goal):
        figure = median(one[f"{key}_ms"] for one in read)
        table.add(what, figure, "ms", f"≤ {goal}", figure <= goal)
        table.add("  the slowest of a hundred", median(one[f"{key}_p99_ms"] for one in read), "ms", "-", None)

    add(f"a page of {runs:,} runs", "runs_page", 10)
    add("a page of those that failed", "runs_of_a_status_page", 10)
    add("a run by the first character of its id", "prefix_of_1", 1)
    add("a run by its id", "prefix_of_26", 1)
    add(f"a page of the names of {models:,} models", "model_names", 10)
    add("a page of models, with the newest version of each", "models_page", 10)
    table.add("the first list of models after a start", median(one["first_list_of_models_ms"] for one in read), "ms", "-", None)
    server = demo.Server(data, "127.0.0.1:0")
    try:
        middle = read[0]["models"] // 2
        for path in ("/v1/runs", f"/v1/models?after=model-{middle:06}", "/v1/endpoints", "/v1/runs?status=failed"):
            figure = 1e3 * median([timed(lambda: fetch(server.url + path)) for _ in range(20)])
            table.add(f"GET {path}", figure, "ms", "≤ 10", figure <= 10)
        with open(f"/proc/{server.process.pid}/status") as status:
            resident = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))
        table.add("the server, resident", resident, "MB", "≤ 64", resident <= 64)
    finally:
        server.stop()
    many = json.loads(run(PROGRAMS / "store_bench", "register", folder / "versions", versions)[1])
    table.add("registering one of the first tenth of the versions, median", many["first_ms"], "ms", "-", None)
    for name, part in (("median", ""), ("mean, with the merges of packs", "_mean"), ("after a restart, median", "_after_a_restart")):
        table.add(f"one of the last tenth of {versions:,}, {name}", many[f"last{part}_ms"], "ms", "the same", None, "first", many[f"first{part}_ms"])
    table.add("the slowest one, with a merge of all packs", many["slowest_ms"], "ms", "-", None)


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as response:
        return response.read()


def timed(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def ask(url, endpoint, picture):
    request = urllib.request.Request(f"{url}/v2/models/{endpoint}/infer", data=picture.read_bytes(), headers={
        "Content-Type": "application/octet-stream", "Inference-Header-Content-Length": "0"})
    with urllib.request.urlopen(request, timeout=60) as response:
        response.read()


def checkout(repository, folder):
    run("git", "-c", "safe.directory=*", "clone", "-q", repository, folder)


TEN_PACKAGES = ["numpy", "pandas", "pyyaml", "requests", "jinja2", "click", "rich", "attrs", "packaging", "tqdm"]
FIRST_LINE = """
import time
import numpy
def run():
    return time.time()
"""


def bench_environments(table, folder, rounds):
    """Python environments against uv, and functions that a warm interpreter runs against new ones."""
    os.environ.update(clients.uv_settings())
    data = folder / "data"
    made = data / "cache/environments/made"

    def plan(name, packages):
        (folder / name).write_text(plan_of([f"t: {{process: ['true'], environment: {{requirements: [{', '.join(packages)}]}}, cache: off}}"]))
        return name

    ten, other = plan("ten.yaml", TEN_PACKAGES), plan("other.yaml", [*TEN_PACKAGES, "humanize"])
    run(SLUICE, "run", ten, "--data", data, cwd=folder)
    uv, cache = clients.uv_program(), folder / "uv"
    by_uv = lambda: (run(uv, "--quiet", "venv", "--clear", folder / "by-hand")[0]
                     + run(uv, "--quiet", "pip", "install", "--cache-dir", cache, "--python", folder / "by-hand", "--compile-bytecode", *TEN_PACKAGES)[0])
    by_uv()
    ours, theirs, again = [], [], []
    for _ in range(rounds):
        shutil.rmtree(made)
        ours.append(run(SLUICE, "run", ten, "--data", data, cwd=folder)[0])
        again.append(run(SLUICE, "run", ten, "--data", data, cwd=folder)[0])
        theirs.append(by_uv())
    table.add("environment of ten packages, from a warm cache", median(ours) - median(again), "s", "-", None, "uv", median(theirs))
    table.add("the same run when it is there", 1e3 * median(again), "ms", "-", None)
    before = disk_of(data / "cache/environments")
    table.add("its bytes on the disk, wheels included", before / 1e6, "MB", "-", None, "uv", disk_of(folder / "by-hand", cache) / 1e6)
    run(SLUICE, "run", other, "--data", data, cwd=folder)
    table.add("one more with the same packages and another", (disk_of(data / "cache/environments") - before) / 1e6, "MB", "-", None)

    (folder / "code").mkdir()
    (folder / "code/first.py").write_text(FIRST_LINE)
    calls = 10 * rounds
    measured = {}
    # Two threads of numpy: no interpreter is forked.
    for how, threads in (("forked", 1), ("threads", 2)):
        (folder / f"{how}.yaml").write_text(plan_of([
            f'all: {{each: "${{range({calls})}}", as: i, limit: 1, graph: {{t: {{python: {{module: first, function: run}}, code: code, cache: off, '
            f"env: {{OPENBLAS_NUM_THREADS: '{threads}'}}, environment: {{requirements: [numpy]}}, outputs: {{at: {{type: number}}}}}}}}}}"]))
        report = json.loads(run(SLUICE, "run", f"{how}.yaml", "--data", data, "--json", cwd=folder)[1])
        tasks = [task for task in report["tasks"] if task.get("interpreter") == how]
        if not tasks:
            raise demo.Failure(f"no task of {how}.yaml was {how}")
        measured[how] = median(1e3 * (task["outputs"]["at"] - datetime.datetime.fromisoformat(task["started"]).timestamp()) for task in tasks)
    python = next(made.glob("*/venv/bin/python3"))
    by_hand = 1e3 * median(run(python, "-c", "import numpy")[0] for _ in range(calls))
    table.add("first line of a numpy function, warm", measured["forked"], "ms", "≤ 10", measured["forked"] <= 10, "cold", measured["threads"])
    table.add("the same, in a new interpreter", measured["threads"], "ms", "-", None, "python -c 'import numpy'", by_hand)


def bench_containers(table, folder, rounds):
    """Container tasks against the engine's command by hand, with the options that this machine needs."""
    sys.path.insert(0, str(ROOT / "tests"))
    import podman
    engine = podman.Podman()
    try:
        engine.make_image("localhost/bench:1")
        os.environ.update(engine.settings())
        count = 5
        tasks = [f"t{i}: {{container: {{image: 'localhost/bench:1', command: ['true']}}{f', after: [t{i - 1}]' if i else ''}, cache: off}}" for i in range(count)]
        (folder / "containers.yaml").write_text(plan_of(tasks))
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(run(SLUICE, "run", "containers.yaml", "--data", folder / "data", cwd=folder)[0])
            theirs.append(sum(run(*engine.command, "run", "--rm", *podman.RUN, "localhost/bench:1", "true")[0] for _ in range(count)))
    finally:
        engine.close()
    ours, theirs = 1e3 * median(ours) / count, 1e3 * median(theirs) / count
    table.add("container task, chain of 5", ours, "ms", "≤ 1.1 ×", ours <= 1.1 * theirs, "podman run", theirs)


def disk_of(*folders):
    """Bytes on the disk; a file with several links counts once."""
    return sum(int(line.split()[0]) for line in run("du", "-s", "-B1", "-c", *folders)[1].splitlines()[-1:])


def bench_tracking(table, folder, rounds):
    """MLflow's API against a real MLflow server, both with SQLite; as it is shipped, and with a client that acknowledges at once."""
    import bench_tracking as tracking
    runs = 8000 if rounds > 2 else 2000
    python = clients.python_of("mlflow")
    ours = tracking.Server("sluice", [SLUICE, "up", "--data", folder / "data", "--listen", "127.0.0.1:PORT"], folder)
    try:
        sluice = tracking.measure(ours, False, runs, 100)
        large = tracking.measure_large(ours)
        sluice["memory"] = tracking.memory(ours.process.pid)
    finally:
        ours.stop()
    peer = tracking.Server("mlflow", [python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", "PORT", "--backend-store-uri", f"sqlite:///{folder}/peer.db",
                                      "--artifacts-destination", folder / "peer"], folder)
    try:
        # The same runs, made once: what takes 40 ms each as it is shipped is measured on few.
        prompt = tracking.measure(peer, True, runs, 5)
        shipped = tracking.measure(peer, False, 50, 2)
        theirs_memory = tracking.memory(peer.process.pid)
    finally:
        peer.stop()
    table.add("start to first answer", 1e3 * ours.started, "ms", "≤ 100", ours.started <= 0.1, "mlflow", 1e3 * peer.started)
    table.add("memory after all of it", sluice["memory"] / 1e6, "MB", "≤ 64", sluice["memory"] <= 64e6, "mlflow", theirs_memory / 1e6)
    for name, goal, times in (("create run", 0.3, None), ("log metric", None, 30), ("log metric, 8 clients", None, 100), ("metric of a batch", 1 / 300, None),
                              ("… of 1,000 keys", None, None), (f"search 1,000 of {runs} runs", 10, None), ("… filter and order by a metric", 5, None), ("… order by a metric", None, None),
                              ("history of 100,000", 100, None), ("upload", None, 4), ("download", None, 4),
                              ("create model", 1000 / 300, None), ("create version", 1000 / 300, None), ("create version, 8 clients", 1000 / 700, None)):
        ms, theirs = 1e3 * sluice[name], 1e3 * prompt[name]
        unit = "ms/MiB" if name in ("upload", "download") else "ms"
        wanted = f"≤ {goal:.3g}" if goal else f"1/{times}" if times else "-"
        reached = None if not (goal or times) else ms <= goal if goal else ms <= theirs / times
        table.add(name, ms, unit, wanted, reached, "mlflow, prompt", theirs)
        if name in shipped and name != f"search 1,000 of {runs} runs":
            table.add("  beside it as it is shipped", ms, unit, "-", None, "mlflow", 1e3 * shipped[name])
        if sluice[name + " cpu"] > 0:
            table.add("  its processor time", 1e3 * sluice[name + " cpu"], unit, "1/50" if name in ("create run", "log metric") else "-",
                      sluice[name + " cpu"] <= prompt[name + " cpu"] / 50 if name in ("create run", "log metric") else None, "mlflow", 1e3 * prompt[name + " cpu"])
    for name, goal in (("of 100,000 runs, 1,000 by a metric", 20), ("of 100,000 runs, a page of the interface", 100), ("chart of 1,000,000 points", 50)):
        table.add(name, 1e3 * large[name], "ms", f"≤ {goal}", 1e3 * large[name] <= goal)


def bench_kubeflow(table, folder, rounds):
    """Components of a Kubeflow pipeline against kfp's local runner, which starts an interpreter for each; in a chain, and twenty at once."""
    os.environ.update(clients.uv_settings())
    kfp = [clients.python_of("kfp"), ROOT / "tools/bench_kubeflow.py"]
    os.environ["PATH"] = f"{pathlib.Path(kfp[0]).parent}:{os.environ['PATH']}"
    run(*kfp, "compile", folder)
    length = 20
    server = demo.Server(folder / "data", "127.0.0.1:0")
    try:
        def component(name):
            submitted = submit(server.url, folder / f"{name}.yaml", cache=False)
            while (report := json.loads(fetch(f"{server.url}/v1/runs/{submitted}")))["status"] == "running":
                time.sleep(0.01)
            if report["status"] != "succeeded":
                raise demo.Failure(f"{name} ended as {report['status']}")
            return report["seconds"] / length

        component("chain")  # makes the environment
        ours, theirs, forks = {"chain": [], "fan": []}, [], []
        for _ in range(rounds):
            for name, figures in ours.items():
                figures.append(component(name))
            theirs.append(json.loads(run(*kfp, "local", folder)[1].splitlines()[-1]))
            forks.append(float(run(*kfp, "fork")[1].splitlines()[-1]))
        for name, figures in ours.items():
            figure = 1e3 * median(figures)
            alone, with_pip = (1e3 * median(one[name + pip] for one in theirs) for pip in ("", ", pip"))
            table.add(f"a component, {name} of {length}", figure, "ms", "0.35", figure <= 0.35 * alone, "kfp.local", alone)
            table.add("  beside it with its pip step", figure, "ms", "-", None, "kfp.local", with_pip)
            table.add("  beside a fork that does nothing else", figure, "ms", "-", None, "fork", 1e3 * median(forks))
    finally:
        server.stop()
    before = os.times()
    run(SLUICE, "compile", folder / "many.yaml")
    after = os.times()
    spent = 1e3 * (after.children_user + after.children_system - before.children_user - before.children_system)
    table.add("1,000 tasks read, lowered, verified, printed", spent, "ms", "≤ 250", spent <= 250)
    bench_stored_kubeflow(table, folder)


def bench_stored_kubeflow(table, folder, runs=1_000_000, schedules=10_000, seconds=30):
    """Pages of lists when many runs are stored, and many schedules at rest."""
    import bench_stored_kubeflow as stored
    from bench_tracking import processor_seconds
    for name in ("many-runs", "schedules"):
        demo.Server(folder / name, "127.0.0.1:0").stop()
    stored.fill(folder / "many-runs" / "ledger.db", runs=runs)
    stored.fill(folder / "schedules" / "ledger.db", schedules=schedules)

    def filtered(key, value, operation="EQUALS"):
        return "&filter=" + urllib.parse.quote(json.dumps({"predicates": [{"key": key, "operation": operation, "stringValue": value}]}))

    server = demo.Server(folder / "many-runs", "127.0.0.1:0")
    try:
        for what, query, goal in ((f"a page of {runs:,} runs of Kubeflow's API", "", 10), ("  of an experiment", "&experiment_id=experiment-7", 10),
                                  ("  of it, not archived", "&experiment_id=experiment-7" + filtered("storage_state", "AVAILABLE"), 10),
                                  ("  not archived", filtered("storage_state", "AVAILABLE"), 10), ("  that failed", filtered("state", "FAILED"), None),
                                  ("  whose names have a text, and none has", filtered("display_name", "nothing", "IS_SUBSTRING"), None)):
            url = f"{server.url}/apis/v2beta1/runs?page_size=50&sort_by=created_at%20desc{query}"
            figure = 1e3 * median(timed(lambda: fetch(url)) for _ in range(10))
            table.add(what, figure, "ms", f"≤ {goal}" if goal else "-", figure <= goal if goal else None)
    finally:
        server.stop()
    server = demo.Server(folder / "schedules", "127.0.0.1:0")
    try:
        time.sleep(2)
        before = processor_seconds(server.process.pid)
        time.sleep(seconds)
        share = 100 * (processor_seconds(server.process.pid) - before) / seconds
        table.add(f"{schedules:,} schedules at rest, of a processor", share, "%", "< 1", share < 1)
    finally:
        server.stop()


BENCHES = {"process": bench_process, "engine": bench_engine, "command": bench_command, "serving": bench_serving, "store": bench_store,
           "environments": bench_environments, "containers": bench_containers, "tracking": bench_tracking, "kubeflow": bench_kubeflow}


@contextlib.contextmanager
def work_folder():
    """A temporary folder on the disk of the build folder: /tmp may be in memory."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "build"))
    try:
        yield folder
    finally:
        for inner, _, _ in os.walk(folder):
            os.chmod(inner, 0o700)
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measures Sluice and a peer, alternately, in the same run.")
    parser.add_argument("benches", nargs="*", metavar="BENCH", help=f"one of {', '.join(BENCHES)}; default: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write the table to this file")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.benches if name not in BENCHES]
    if unknown:
        parser.error(f"unknown benchmark `{unknown[0]}`; known: {', '.join(BENCHES)}")
    table = Table()
    try:
        for bench in (bench_machine, *(BENCHES[name] for name in arguments.benches or BENCHES)):
            print(f"\n{bench.__doc__}")
            with work_folder() as folder:
                bench(table, folder, max(1, arguments.rounds))
    except (demo.Failure, stamps.MissingPackage, OSError) as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    print("\nCommands")
    for command in ran:
        print(f"  {command}")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(table.rows, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
