"""What the programs are made of."""
import subprocess

from sluice_program import BIN

HEAVY = ("openvino", "tbb", "jpeg", "webp", "tiff", "spng", "gif", "onnx", "protobuf", "grpc", "lbfgs")


def libraries_of(program):
    out = subprocess.run(["ldd", BIN / program], capture_output=True, text=True)
    return [line.split()[0] for line in out.stdout.splitlines() if line.strip()]


def test_the_server_links_no_inference_and_no_picture_library():
    names = libraries_of("sluice")
    assert [name for name in names if any(heavy in name for heavy in HEAVY)] == []
    assert len(names) <= 40, names


def test_the_supervisor_is_static():
    told = subprocess.run(["ldd", BIN / "sluice-supervisor"], capture_output=True, text=True)
    assert "not a dynamic executable" in told.stdout + told.stderr or "statically linked" in told.stdout


def test_the_version_is_told():
    told = subprocess.run([BIN / "sluice", "--version"], capture_output=True, text=True)
    assert told.returncode == 0 and told.stdout.startswith("sluice ")
