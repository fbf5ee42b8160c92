#!/usr/bin/env python3
"""Makes the packages that people install: a tarball and a .deb, of what `./dev build` made. `./dev package` runs it.

    tools/package.py [--out FOLDER] [--level N]    # default: build/package; how well they are compressed, 0 to 9

Both hold the programs, OpenVINO's libraries, the built-in models, completion, the example, documents, and a unit for systemd. The
libraries of Debian that the programs link are not copied: the .deb depends on their packages, and the tarball's `install` installs them.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PARTS = ROOT / "tools/package"
ARCHITECTURE = "amd64"
LOADED = ["libarchive13", "libgit2-1.5"]  # by dlopen: no program names them
PROGRAMS = ["sluice", "sluice-supervisor", "sluice-host"]


def run(*command, **options):
    return subprocess.run(list(map(str, command)), check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def version():
    """The version of the programs, and the number of the commit: a later package replaces an earlier one."""
    number = re.search(r"project\(sluice VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    return f"{number}+{run('git', '-c', 'safe.directory=*', '-C', ROOT, 'rev-list', '--count', 'HEAD').strip()}.{run('git', '-c', 'safe.directory=*', '-C', ROOT, 'rev-parse', '--short=8', 'HEAD').strip()}"


def install_tree(prefix):
    """What both packages hold, below `prefix`."""
    run("cmake", "--install", ROOT / "build/release", "--prefix", prefix, "--strip")
    (prefix / "lib/sluice").mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "build/uv/bin/uv", prefix / "lib/sluice/uv")
    share = prefix / "share"
    sluice = prefix / "bin/sluice"
    for shell, file in ("bash", share / "bash-completion/completions/sluice"), ("zsh", share / "zsh/vendor-completions/_sluice"), \
            ("fish", share / "fish/vendor_completions.d/sluice.fish"):
        file.parent.mkdir(parents=True)
        file.write_text(run(sluice, "completion", shell))
    documents = share / "doc/sluice"
    documents.mkdir(parents=True)
    for file in [ROOT / "LICENSE", ROOT / "NOTICE", ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        shutil.copy(file, documents)
    shutil.copy(ROOT / "LICENSE", documents / "copyright")
    shutil.copytree(ROOT / "examples", share / "sluice/examples", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for folder, folders, files in os.walk(prefix):
        for name in folders:
            (pathlib.Path(folder) / name).chmod(0o755)
        for name in files:
            file = pathlib.Path(folder) / name
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)


def needed_packages(prefix):
    """The packages of Debian whose libraries the programs need, with versions, as a .deb declares them."""
    with tempfile.TemporaryDirectory() as scratch:
        (pathlib.Path(scratch) / "debian").mkdir()
        (pathlib.Path(scratch) / "debian/control").write_text("Source: sluice\n\nPackage: sluice\nArchitecture: any\n")
        objects = [prefix / "bin" / program for program in PROGRAMS] + sorted((prefix / "lib").glob("*.so*"))
        out = run("dpkg-shlibdeps", "-O", "--ignore-missing-info", f"-l{prefix / 'lib'}", *objects, cwd=scratch, stderr=subprocess.DEVNULL)
    found = re.search(r"shlibs:Depends=(.*)", out).group(1).split(", ")
    return sorted(found + LOADED)


def make_tarball(tree, packages, name, out, level):
    folder = tree.parent / name
    tree.rename(folder)
    shutil.copy(PARTS / "install", folder)
    (folder / "debian-packages").write_text("\n".join(package.split()[0] for package in packages) + "\n")
    unit = folder / "lib/systemd/system/sluice.service"
    unit.parent.mkdir(parents=True)
    unit.write_text((PARTS / "sluice.service").read_text().replace("/usr/bin/sluice", "/opt/sluice/bin/sluice").replace("/usr/share/doc", "/opt/sluice/share/doc"))
    archive = out / f"{name}-linux-x86_64.tar.gz"
    # gzip has no level 0.
    compress = f"gzip -n{level}" if level else "cat"
    run("tar", "-C", folder.parent, "--owner=0", "--group=0", "--sort=name", f"--use-compress-program={compress}", "-cf", archive, name)
    return archive


def make_deb(root, packages, number, out, level):
    """`root`: a file system with the tree in usr/lib/sluice."""
    tree = root / "usr/lib/sluice"
    for folder in "bash-completion", "zsh", "fish", "doc":
        (root / "usr/share").mkdir(exist_ok=True)
        (tree / "share" / folder).rename(root / "usr/share" / folder)
    (root / "usr/bin").mkdir()
    (root / "usr/bin/sluice").symlink_to("../lib/sluice/bin/sluice")
    unit = root / "lib/systemd/system"
    unit.mkdir(parents=True)
    shutil.copy(PARTS / "sluice.service", unit)
    control = root / "DEBIAN"
    control.mkdir()
    size = sum(file.stat().st_size for file in root.rglob("*") if file.is_file() and not file.is_symlink()) // 1024
    (control / "control").write_text(f"""Package: sluice
Version: {number}
Architecture: {ARCHITECTURE}
Maintainer: the authors of Sluice <sluice@localhost>
Installed-Size: {size}
Depends: {', '.join([*packages, 'passwd', 'tzdata'])}
Recommends: git, python3
Suggests: libheif1, git-lfs, python3-numpy, podman | docker.io
Section: science
Priority: optional
Description: runs pipelines, keeps models in git, serves them
 One small server for the pipelines that a team has: it runs them without losing one, keeps every model as a commit with its
 provenance, and serves models from zero.
""")
    for script in "postinst", "prerm":
        shutil.copy(PARTS / script, control)
        (control / script).chmod(0o755)
    package = out / f"sluice_{number}_{ARCHITECTURE}.deb"
    run("dpkg-deb", "--root-owner-group", *(["-Zxz", f"-z{level}"] if level else ["-Znone"]), "--build", root, package)
    return package


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--out", type=pathlib.Path, default=ROOT / "build/package")
    arguments.add_argument("--level", type=int, choices=range(10), default=4)
    given = arguments.parse_args()
    out, level = given.out.resolve(), given.level
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    number = version()
    os.umask(0o022)
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        scratch = pathlib.Path(scratch)
        scratch.chmod(0o755)
        root = scratch / "root"
        install_tree(root / "usr/lib/sluice")
        packages = needed_packages(root / "usr/lib/sluice")
        shutil.copytree(root / "usr/lib/sluice", scratch / "tree", symlinks=True)
        made = [make_deb(root, packages, number, out, level),
                make_tarball(scratch / "tree", packages, f"sluice-{number}", out, level)]
    for file in made:
        print(f"{file}  {file.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
