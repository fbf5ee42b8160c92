"""What the programs are made of."""
import pathlib
import subprocess

from sluice_program import BIN, environment

HEAVY = ("openvino", "tbb", "jpeg", "webp", "tiff", "spng", "gif", "onnx", "protobuf", "grpc", "lbfgs")


def libraries_of(program):
    out = subprocess.run(["ldd", BIN / program], capture_output=True, text=True)
    return [line.split()[0] for line in out.stdout.splitlines() if line.strip()]


def test_the_server_links_no_inference_and_no_picture_library():
    names = libraries_of("sluice")
    assert [name for name in names if any(heavy in name for heavy in HEAVY)] == []
    assert len(names) <= 16, names


def test_libgit2_is_loaded_when_it_is_wanted_and_doctor_tells_where_it_cannot_be(main_job_copy, tmp_path):
    data = main_job_copy
    library = next(pathlib.Path("/usr/lib/x86_64-linux-gnu").glob("libgit2.so.?.?")).name
    (tmp_path / library).touch()

    def told(*arguments):
        return subprocess.run([BIN / "sluice", *arguments, "--data", data], capture_output=True, text=True, env=environment(LD_LIBRARY_PATH=str(tmp_path)))

    assert told("runs").returncode == 0
    shown = told("show", "stamps@v1")
    assert shown.returncode != 0
    reason = f"{library}, cannot be loaded: {tmp_path}/{library}: file too short; install it (Debian's package libgit2-"
    assert reason in shown.stderr
    looked = told("doctor")
    assert looked.returncode == 0 and reason in looked.stdout and "no model can be kept, shown or served" in looked.stdout


def test_the_supervisor_is_static():
    told = subprocess.run(["ldd", BIN / "sluice-supervisor"], capture_output=True, text=True)
    assert "not a dynamic executable" in told.stdout + told.stderr or "statically linked" in told.stdout


def test_the_version_is_told():
    told = subprocess.run([BIN / "sluice", "--version"], capture_output=True, text=True)
    assert told.returncode == 0 and told.stdout.startswith("sluice ")
