#!/usr/bin/env python3
"""Fails if a module of src/sluice depends on a module or a library that it may not use.

Reads the #include lines of the sources and the LINKS of the CMakeLists.txt files. The direction of dependencies is explained
in ARCHITECTURE.md; a new module needs a line in SEES.
"""
import fnmatch
import pathlib
import re
import sys

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "src" / "sluice"

# What each module may use, in addition to itself. The first matching pattern applies.
CORE = ["base", "syntax", "ir", "engine", "ports"]
SEES = {
    "base": [],
    "os": ["base"],
    "ipc/*": ["base", "os"],  # messages between two of the programs: below both ends
    "syntax": ["base"],
    "ir": ["base", "syntax"],
    "engine": ["base", "syntax", "ir"],
    "ports": ["base", "syntax", "ir", "engine"],
    "frontends/*": ["base", "syntax", "ir"],
    "executors/process": [*CORE, "os", "ipc/supervisor"],
    "executors/*": [*CORE, "os"],
    "environments/*": [*CORE, "os"],
    "stores/*": [*CORE, "os"],
    "runtimes/hosted": [*CORE, "os", "ipc/host"],  # the server's side: it spawns hosts and communicates with them
    "runtimes/*": CORE,
    "driver": CORE,
    "domain/*": CORE,  # of each other only headers with the line PUBLIC_TO_DOMAIN
    "api/*": [*CORE, "domain/*"],
    "net": [*CORE, "os"],
    # The two other programs.
    "supervisor": ["base", "os", "ipc/supervisor"],  # static, links only os/ and libc
    "host/media": ["base"],
    "host": [*CORE, "os", "ipc/host", "host/*", "runtimes/openvino"],
    "app/terminal": [*CORE, "os", "domain/*"],
    # `sluice` names all concrete classes, and links no inference library and no picture decoder.
    "app": [*CORE, "os", "driver", "net", "frontends/*", "executors/*", "environments/*", "stores/*", "runtimes/hosted", "domain/*", "api/*", "app/terminal"],
}
PUBLIC_TO_DOMAIN = "Public to other domain modules: "  # and why
PRIVATE_TO_MODULE = "Private to this module: "  # and why: may expose the libraries of the module, and no other module includes it

# Third-party libraries: headers, CMake targets, and the one module that owns them (with the modules below it), or several.
# Their headers may be included only in its .cpp files, and in headers that are private to the module.
LIBRARIES = [
    ("Boost.Beast", ["boost/beast*"], [], "net"),
    ("Boost.Asio", ["boost/asio*"], ["Boost::headers", "Boost::boost"], "net"),
    ("zlib", ["zlib.h"], ["ZLIB::ZLIB"], ("net", "host/media")),  # in two programs: bodies of requests; parts of PNG
    ("Boost.JSON", ["boost/json*"], ["Boost::json"], "base"),
    ("OpenSSL", ["openssl/*"], ["OpenSSL::*"], ("base", "net")),  # digests; TLS
    ("RE2", ["re2/*"], ["re2::*"], "base"),
    ("Abseil's times", ["absl/*"], ["absl::*"], "domain/schedules"),
    ("spdlog", ["spdlog/*"], ["spdlog::*"], "base"),
    ("libfyaml", ["libfyaml.h"], ["PkgConfig::fyaml"], "syntax"),
    ("SQLite", ["sqlite3.h"], ["SQLite::SQLite3"], "stores/sqlite"),
    ("libarchive", ["archive.h", "archive_entry.h"], ["PkgConfig::archive"], "domain/packages"),
    ("libgit2", ["git2.h", "git2/*"], ["PkgConfig::git2"], "stores/git"),
    ("OpenVINO", ["openvino/*"], ["openvino::*"], "runtimes/openvino"),
    ("ONNX", ["onnx/*", "google/protobuf/*"], ["ONNX::*", "protobuf::*"], "host"),
    ("Eigen", ["Eigen/*"], ["Eigen3::*"], "host"),
    ("libLBFGS", ["lbfgs.h"], ["PkgConfig::lbfgs"], "host"),
    ("libspng", ["spng.h"], ["PkgConfig::spng"], "host/media"),
    ("utf8proc", ["utf8proc.h"], ["PkgConfig::utf8proc"], "domain/ai"),
    ("libjpeg", ["jpeglib.h", "jerror.h", "turbojpeg.h"], ["JPEG::JPEG"], "host/media"),
    ("libwebp", ["webp/*"], ["PkgConfig::webp"], "host/media"),
    ("libtiff", ["tiffio.h", "tiff.h"], ["TIFF::TIFF"], "host/media"),
    ("libavif", ["avif/*"], ["PkgConfig::avif"], "host/media"),
    ("giflib", ["gif_lib.h"], ["GIF::GIF"], "host/media"),
    ("stb", ["stb_*.h", "stb/*"], ["PkgConfig::stb"], "host/media"),
    ("CLI11", ["CLI/*"], ["CLI11::*"], "app"),
    ("nlohmann/json", ["nlohmann/*"], ["nlohmann_json::*"], None),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
WORD_OF_CMAKE = re.compile(r'#[^\n]*|[()]|"[^"]*"|[^\s()]+')
KEYWORDS = {"NAME", "SOURCES", "LINKS", "PRIVATE_LINKS", "CORPUS", "STATIC"}


def fits(name: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def module_of(folder: pathlib.PurePath) -> str:
    """Returns the innermost folder below src/sluice with a CMakeLists.txt, else the innermost one that is in SEES."""
    candidates = [folder, *folder.parents][:-1]
    for candidate in candidates:
        if (SOURCES / candidate / "CMakeLists.txt").exists():
            return candidate.as_posix()
    for candidate in candidates:
        if candidate.as_posix() in SEES:
            return candidate.as_posix()
    return folder.as_posix()


def sees(module: str) -> list[str]:
    return next((allowed for pattern, allowed in SEES.items() if fnmatch.fnmatchcase(module, pattern)), [])


def contains(header: str, marker: str) -> bool:
    """Whether a header ("sluice/ROOM/NAME.hpp") contains the marker that declares its audience."""
    path = SOURCES.parent / header
    return path.is_file() and marker in path.read_text()


def complaint_about_module(module: str, other: str, header: str = "") -> str:
    """Returns why `module` may not use `other`, or "" if it may."""
    if other == module:
        return ""
    if header and contains(header, PRIVATE_TO_MODULE):
        return f"`{header}` is private to module `{other}`; use its other headers"
    if fits(other, sees(module)):
        return ""
    if module.startswith("domain/") and other.startswith("domain/"):
        if not header or contains(header, PUBLIC_TO_DOMAIN):
            return ""
        return f"`{header}` is not public to other domain modules; use a port, or add to it the line `{PUBLIC_TO_DOMAIN}REASON`"
    allowed = ", ".join(sees(module)) or "no other module"
    return (f"module `{module}` may not use `{other}` (allowed: {allowed}); move the shared code down, or add an interface in ports/ "
            "that app/ implements or passes on")


def complaint_about_library(module: str, name: str, column: int, in_header: bool = False) -> str:
    """Returns why `module` may not use a library by this header (column 1) or CMake target (column 2), or "" if it may."""
    for library in LIBRARIES:
        if not fits(name, library[column]):
            continue
        title, owner = library[0], library[3]
        if owner is None:
            return f"{title} is not used in Sluice; use base/json.hpp"
        owners = (owner,) if isinstance(owner, str) else owner
        if not any(module == one or module.startswith(f"{one}/") for one in owners):
            return f"{title} belongs to module `{'`, `'.join(owners)}`; use the headers of that module"
        if in_header:
            return (f"{title} may be included only in .cpp files; hide it behind `struct Impl; std::unique_ptr<Impl>`, or add to a "
                    f"header that only this module's .cpp files include the line `{PRIVATE_TO_MODULE}REASON`")
    return ""


def check_source(path: pathlib.Path, complain) -> None:
    module, text = module_of(path.relative_to(SOURCES).parent), path.read_text()
    for number, line in enumerate(text.splitlines(), 1):
        include = INCLUDE.match(line)
        if not include:
            continue
        quote, header = include.groups()
        if quote == "<":
            message = complaint_about_library(module, header, 1, path.suffix == ".hpp" and PRIVATE_TO_MODULE not in text)
        elif header.startswith("sluice/"):
            message = complaint_about_module(module, module_of(pathlib.PurePath(header).relative_to("sluice").parent), header)
        else:
            message = f'write the full path, #include "sluice/{module}/{header}"; include libraries with <>'
        if message:
            complain(path, number, message)


def check_cmake(path: pathlib.Path, complain) -> None:
    module = module_of(path.relative_to(SOURCES).parent)
    text, command, section = path.read_text(), "", ""
    for match in WORD_OF_CMAKE.finditer(text):
        word, number = match.group(), text.count("\n", 0, match.start()) + 1
        if word.startswith("sluice_") and section in ("", ")"):
            command = word
        elif word in KEYWORDS or word in "()":
            section = word
        elif section in ("LINKS", "PRIVATE_LINKS") and not word.startswith("#"):
            linked = word.removeprefix("sluice_")
            if linked != word:
                linked = next((name for name in all_modules() if name.replace("/", "_") == linked), linked)
            if (SOURCES / linked).is_dir():
                message = complaint_about_module(module, linked)
            else:
                message = complaint_about_library(module, word, 2)
                if not message and command == "sluice_module" and section == "LINKS" and "::" in word:
                    message = f"`{word}` is a library, which headers of modules do not expose; move it to PRIVATE_LINKS"
            if message:
                complain(path, number, message)


def all_modules() -> list[str]:
    return [path.parent.relative_to(SOURCES).as_posix() for path in SOURCES.rglob("CMakeLists.txt") if path.parent != SOURCES]


def main() -> None:
    complaints = []

    def complain(path: pathlib.Path, number: int, message: str) -> None:
        complaints.append(f"{path.relative_to(SOURCES.parent.parent)}:{number}: {message}")

    for module in all_modules():
        if not any(fnmatch.fnmatchcase(module, pattern) for pattern in SEES):
            complain(SOURCES / module / "CMakeLists.txt", 1, f"unknown module `{module}`; add a line to SEES in tools/check_layers.py")
    for path in sorted(SOURCES.rglob("*")):
        if path.suffix in (".cpp", ".hpp"):
            check_source(path, complain)
        elif path.name == "CMakeLists.txt" and path.parent != SOURCES:
            check_cmake(path, complain)
    print("\n".join(complaints) or "layers: all dependencies are allowed")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
