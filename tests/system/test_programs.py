"""Which libraries the programs link and load."""
import pathlib
import re
import subprocess

import packages
from sluice_program import BIN, environment

HEAVY = ("openvino", "tbb", "jpeg", "webp", "tiff", "spng", "gif", "avif", "heif", "onnx", "protobuf", "grpc", "lbfgs")


def libraries_of(program):
    out = subprocess.run(["ldd", BIN / program], capture_output=True, text=True)
    return [line.split()[0] for line in out.stdout.splitlines() if line.strip()]


def test_the_server_links_no_inference_and_no_picture_library():
    names = libraries_of("sluice")
    assert [name for name in names if any(heavy in name for heavy in HEAVY)] == []
    assert len(names) <= 16, names


def test_libgit2_is_loaded_when_needed_and_doctor_reports_if_it_cannot_be(main_job_copy, tmp_path):
    data = main_job_copy
    library = next(pathlib.Path("/usr/lib/x86_64-linux-gnu").glob("libgit2.so.?.?")).name
    (tmp_path / library).touch()

    def run(*arguments):
        return subprocess.run([BIN / "sluice", *arguments, "--data", data], capture_output=True, text=True, env=environment(LD_LIBRARY_PATH=str(tmp_path)))

    assert run("runs").returncode == 0
    shown = run("show", "stamps@v1")
    assert shown.returncode != 0
    reason = f"{library}, cannot be loaded: {tmp_path}/{library}: file too short; install it (Debian's package libgit2-"
    assert reason in shown.stderr
    doctor = run("doctor")
    assert doctor.returncode == 0 and reason in doctor.stdout and "models cannot be stored, shown or served" in doctor.stdout


def test_libarchive_is_loaded_when_needed_and_doctor_reports_if_it_cannot_be(tmp_path):
    library = "libarchive.so.13"
    (tmp_path / library).touch()
    (tmp_path / "pipeline.zip").write_bytes(packages.zipped({"pipeline.yaml": b"a: 1"}))

    def run(*arguments):
        return subprocess.run([BIN / "sluice", *arguments, "--data", tmp_path / "data"], capture_output=True, text=True, env=environment(LD_LIBRARY_PATH=str(tmp_path)))

    reason = f"{library}, cannot be loaded: {tmp_path}/{library}: file too short; install it (Debian's package libarchive13), or unpack the package"
    assert run("runs").returncode == 0
    done = run("compile", tmp_path / "pipeline.zip")
    assert done.returncode != 0 and reason in done.stderr, done.stderr
    doctor = run("doctor")
    assert doctor.returncode == 0 and reason in doctor.stdout and "pipelines are read from plain files alone" in doctor.stdout


def test_doctor_says_how_heic_is_read_where_libheif_is_missing(tmp_path):
    library = "libheif.so.1"
    (tmp_path / library).touch()
    done = subprocess.run([BIN / "sluice", "doctor", "--data", tmp_path / "data"], capture_output=True, text=True, env=environment(LD_LIBRARY_PATH=str(tmp_path)))
    assert done.returncode == 0 and f"{library}: file too short" in done.stdout, done.stdout
    assert "pictures in HEIC, which phones write, are refused; to read them, `apt install libheif1`" in done.stdout


def test_the_supervisor_is_static():
    done = subprocess.run(["ldd", BIN / "sluice-supervisor"], capture_output=True, text=True)
    assert "not a dynamic executable" in done.stdout + done.stderr or "statically linked" in done.stdout


def test_the_version_is_printed():
    done = subprocess.run([BIN / "sluice", "--version"], capture_output=True, text=True)
    assert re.fullmatch(r"sluice \d+\.\d+\.\d+ \([0-9a-f]{7,} \d{4}-\d\d-\d\d(, changed)?\)\n"
                        r"openvino \S+, sqlite \S+, openssl \S+, libgit2 \S+\n", done.stdout), done.stdout
