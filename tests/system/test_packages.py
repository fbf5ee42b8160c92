"""Packages of pipelines, as kfp takes them (.zip, .tar.gz), made by Python's zipfile and tarfile: what is read, and what is refused, by `sluice compile`."""
import gzip
import resource
import subprocess
import tarfile
import zipfile

import pytest
from packages import (MIB, encrypted_zip, gzip_of_zeros, header_of, link_in_a_zip, member, overlapping_zip, raw_name, sparse_tar, streamed_zip, targz, tarred,
                      zip64, zipped)
from sluice_program import BIN, ROOT, environment

CASE = (ROOT / "tests/golden/kubeflow/two_tasks.case").read_text()
SPEC = CASE.split("--- input\n")[1].split("\n--- ")[0].encode() + b"\n"

PIPELINE = member("pipeline.yaml", SPEC)
READ = {
    "zip": (zipped({"pipeline.yaml": SPEC}), "pipeline.yaml"),
    "a zip that is not compressed": (zipped({"pipeline.yaml": SPEC}, zipfile.ZIP_STORED), "pipeline.yaml"),
    "a zip that was streamed": (streamed_zip("pipeline.yaml", SPEC), "pipeline.yaml"),
    "zip64": (zip64("pipeline.yaml", SPEC), "pipeline.yaml"),
    "zip in a folder": (zipped({"team/": "", "team/a.yml": SPEC}), "team/a.yml"),
    "zip beside others": (zipped({"README.md": "x", "other.yaml": "a: 1", "pipeline.yaml": SPEC, "data.bin": bytes(1000)}), "pipeline.yaml"),
    "zip of a Mac": (zipped({"words.yaml": SPEC, "__MACOSX/._words.yaml": b"\0\5\x16\7"}), "words.yaml"),
    "zip with a name in UTF-8": (zipped({"größe 日本.yaml": SPEC}), "größe 日本.yaml"),
    "tar.gz": (targz(PIPELINE), "pipeline.yaml"),
    "tar.gz of GNU": (targz(PIPELINE, kind=tarfile.GNU_FORMAT), "pipeline.yaml"),
    "tar.gz of ustar": (targz(PIPELINE, kind=tarfile.USTAR_FORMAT), "pipeline.yaml"),
    "tar.gz of a folder": (targz(member(".", type=tarfile.DIRTYPE), member("./pipeline.yaml", SPEC)), "pipeline.yaml"),
    "tar.gz with a long name, pax": (targz(member("n" * 300 + ".yaml", SPEC)), "n" * 300 + ".yaml"),
    "tar.gz with a long name, GNU": (targz(member("n" * 300 + ".yaml", SPEC), kind=tarfile.GNU_FORMAT), "n" * 300 + ".yaml"),
    "tar.gz with a name in UTF-8": (targz(member("größe 日本.yaml", SPEC)), "größe 日本.yaml"),
    "tar.gz in two parts": (gzip.compress(tarred(PIPELINE)[:700]) + gzip.compress(tarred(PIPELINE)[700:]), "pipeline.yaml"),
    "tar.gz with headers of pax": (targz(PIPELINE, pax_headers={"comment": "x" * 5000, "SCHILY.xattr.user.a": "b"}), "pipeline.yaml"),
}
UNSAFE = "is not a path inside of it; pack it anew, with plain names"
WHAT = "a package is a .zip or a .tar.gz with one pipeline.yaml"
REFUSED = {
    "an empty zip": (zipped({}), f"the package is empty; {WHAT}"),
    "no pipeline in a zip": (zipped({"a.txt": "", "b.txt": "", "c.txt": "", "d.txt": ""}),
                             f"the package holds no pipeline, but `a.txt`, `b.txt`, `c.txt`, …; {WHAT}"),
    "two pipelines in a zip": (zipped({"a.yaml": SPEC, "b.json": SPEC}),
                               "the package holds `a.yaml`, `b.json`, and none of them is `pipeline.yaml`; pack the one that is meant"),
    "two files pipeline.yaml": (targz(PIPELINE, PIPELINE), "the package holds `pipeline.yaml` twice; pack it anew"),
    "a zip in a zip": (zipped({"inner.zip": zipped({"pipeline.yaml": SPEC})}), f"the package holds no pipeline, but `inner.zip`; {WHAT}"),
    "a zip that says it is YAML": (zipped({"pipeline.yaml": zipped({"pipeline.yaml": SPEC})}), f"`pipeline.yaml` in the package is an archive again; {WHAT}"),
    "an encrypted zip": (encrypted_zip(SPEC), "the package is encrypted; pack it without a password"),
    "a zip of bzip2": (zipped({"pipeline.yaml": SPEC}, zipfile.ZIP_BZIP2), "by a method that is not read here, ZIP 4.6 (bzip); pack it with the usual one"),
    "a zip of lzma": (zipped({"pipeline.yaml": SPEC}, zipfile.ZIP_LZMA), "by a method that is not read here, ZIP 6.3 (lzma); pack it with the usual one"),
    "a truncated zip": (zipped({"pipeline.yaml": SPEC})[:-30], f"the package has no end: it is truncated; {WHAT}"),
    "half a zip": (zipped({"pipeline.yaml": SPEC})[:200], f"the package has no end: it is truncated; {WHAT}"),
    "a damaged zip": (zipped({"pipeline.yaml": SPEC}, zipfile.ZIP_STORED).replace(b"pipelineInfo", b"pipelineinfO", 1), "cannot read the package: ZIP bad CRC"),
    "a link in a zip": (link_in_a_zip(), "`pipeline.yaml` in the package is a link; it may hold only files and folders"),
    "an absolute path in a zip": (zipped({"/etc/pipeline.yaml": SPEC}), f"`/etc/pipeline.yaml` in the package {UNSAFE}"),
    "a way out of a zip": (zipped({"a/../../pipeline.yaml": SPEC}), f"`a/../../pipeline.yaml` in the package {UNSAFE}"),
    "a path of Windows": (raw_name(zipped({"..|pipeline.yaml": SPEC}), b"..|p", b"..\\p"), f"`../pipeline.yaml` in the package {UNSAFE}"),
    "a name that is not UTF-8, zip": (raw_name(zipped({"pipelin_.yaml": SPEC}), b"pipelin_", b"pipelin\xe9"), "a file in the package has a name that is not UTF-8"),
    "a name with a line feed": (targz(member("a\nb.yaml", SPEC)), "a file in the package has a name with control characters"),
    "a very long name": (targz(member("n" * 2000 + ".yaml", SPEC)), "a file in the package has a name of more than 1000 bytes"),
    "a zip bomb": (zipped({"pipeline.yaml": bytes(100 * MIB)}), "unpacks to more than "),
    "a zip bomb that overlaps": (overlapping_zip(500), "unpacks to more than "),
    "a zip of many files": (zipped({f"{i}.txt": "" for i in range(1001)}), "the package holds more than 1000 files"),
    "a zip that is too large": (zipped({"pipeline.yaml": SPEC, "data.bin": bytes(33 * MIB)}, zipfile.ZIP_STORED), "the package has 34.6 MB, and at most 33.6 MB are read"),
    "gzip of nothing": (gzip.compress(b""), f"the package is compressed by gzip, but is no tar archive; {WHAT}"),
    "gzip of a pipeline": (gzip.compress(SPEC), f"the package is compressed by gzip, but is no tar archive; {WHAT}"),
    "an empty tar.gz": (targz(), f"the package is empty; {WHAT}"),
    "no pipeline in a tar.gz": (targz(member("a.txt")), f"the package holds no pipeline, but `a.txt`; {WHAT}"),
    "a truncated tar.gz": (targz(PIPELINE)[:200], "cannot read the package: truncated gzip input"),
    "a tar.gz of a truncated tar": (gzip.compress(tarred(PIPELINE)[:700]), "cannot read the package: Truncated input file"),
    "a damaged tar.gz": (gzip.compress(b"x" + tarred(PIPELINE)[1:]), f"the package is compressed by gzip, but is no tar archive; {WHAT}"),
    "twice gzip": (gzip.compress(targz(PIPELINE)), f"the package is compressed more than once; {WHAT}"),
    "a symbolic link in a tar.gz": (targz(member("pipeline.yaml", type=tarfile.SYMTYPE, linkname="/etc/passwd")), "`pipeline.yaml` in the package is a link"),
    "a hard link in a tar.gz": (targz(PIPELINE, member("b.yaml", type=tarfile.LNKTYPE, linkname="pipeline.yaml")), "`b.yaml` in the package is a link"),
    "a device in a tar.gz": (targz(PIPELINE, member("null", type=tarfile.CHRTYPE)), "`null` in the package is a device or a pipe"),
    "a pipe in a tar.gz": (targz(PIPELINE, member("pipe", type=tarfile.FIFOTYPE)), "`pipe` in the package is a device or a pipe"),
    "an absolute path in a tar.gz": (targz(PIPELINE, member("/etc/passwd", b"x")), f"`/etc/passwd` in the package {UNSAFE}"),
    "a way out of a tar.gz": (targz(PIPELINE, member("../x", b"x")), f"`../x` in the package {UNSAFE}"),
    "a path of pax that leads out": (targz(PIPELINE, member("x", b"x", pax_headers={"path": "../../x"})), f"`../../x` in the package {UNSAFE}"),
    "a name that is not UTF-8, tar.gz": (targz(member("pipelin\udce9.yaml", SPEC), kind=tarfile.GNU_FORMAT, errors="surrogateescape"), "a file in the package has a name that is not UTF-8"),
    "a bomb in a tar.gz": (targz(member("pipeline.yaml", bytes(100 * MIB))), "unpacks to more than "),
    "many large headers": (targz(*(member(f"{i}.txt", pax_headers={"comment": "x" * 900_000}) for i in range(100))), "unpacks to more than "),
    "a sparse file of 10 GB": (sparse_tar(), "unpacks to more than "),
    "a file of 10 GB beside the pipeline": (gzip.compress(tarred(PIPELINE)[:2048] + header_of(10**10)) + gzip_of_zeros(10**10), "unpacks to more than "),
    "a file that ends too early": (gzip.compress(header_of(5000) + bytes(1000)), "cannot read the package: Truncated input file"),
    "gzip of 10 GB of zeros": (gzip_of_zeros(10**10), f"the package is empty; {WHAT}"),
    "a tar.gz of many files": (targz(*(member(f"{i}") for i in range(1001))), "the package holds more than 1000 files"),
    "a tar that is not compressed": (tarred(PIPELINE), f"archives of this kind are not read; {WHAT}"),
    "another archive": (b"7z\xbc\xaf\x27\x1c" + bytes(100), f"archives of this kind are not read; {WHAT}"),
}


def compiled(file, content):
    file.write_bytes(content)
    return subprocess.run([BIN / "sluice", "compile", file], capture_output=True, text=True, env=environment(), timeout=60)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    done = compiled(tmp_path_factory.mktemp("plain") / "pipeline.yaml", SPEC)
    assert done.returncode == 0, done.stderr
    return done.stdout


# The name says nothing about what a file is.
@pytest.mark.parametrize("name", ["package.zip", "package.tgz", "package.yaml"])
@pytest.mark.parametrize("case", READ)
def test_a_package_is_read(tmp_path, plan, case, name):
    done = compiled(tmp_path / name, READ[case][0])
    assert (done.returncode, done.stdout) == (0, plan), done.stderr


def test_a_plain_file_may_be_called_as_a_package(tmp_path, plan):
    assert compiled(tmp_path / "pipeline.zip", SPEC).stdout == plan


@pytest.mark.parametrize("case", READ)
def test_a_problem_is_located_in_the_package(tmp_path, case):
    content, inside = READ[case]
    archive = zipped({inside: SPEC.replace(b"comp-say", b"comp-none", 1)}) if "zip" in case else targz(member(inside, SPEC.replace(b"comp-say", b"comp-none", 1)))
    done = compiled(tmp_path / "package", archive)
    assert done.returncode == 2 and done.stderr.startswith(f"{tmp_path}/package/{inside}:"), done.stderr


@pytest.mark.parametrize("case", REFUSED)
def test_a_package_is_refused(tmp_path, case):
    content, words = REFUSED[case]
    done = compiled(tmp_path / "package", content)
    assert done.returncode == 2 and f"{tmp_path}/package: " in done.stderr and words in done.stderr, done.stderr


def limited_to_mb(size):
    return lambda: resource.setrlimit(resource.RLIMIT_DATA, (size * MIB, size * MIB))


@pytest.mark.parametrize("case", [case for case in REFUSED if "bomb" in case or "GB" in case or "many" in case])
def test_a_bomb_takes_little_memory(tmp_path, case):
    (tmp_path / "package").write_bytes(REFUSED[case][0])
    done = subprocess.run([BIN / "sluice", "compile", tmp_path / "package"], capture_output=True, text=True, env=environment(), timeout=60,
                          preexec_fn=limited_to_mb(64))
    assert done.returncode == 2 and REFUSED[case][1] in done.stderr, done.stderr
