"""Python packages made on the spot, for tests of environments, and an index that has them."""
import base64
import contextlib
import hashlib
import http.server
import io
import tarfile
import threading
import zipfile


def add_wheel(folder, name, version, files=None, requires=()):
    """A wheel with these files, {path: text}; by default a module that knows its version. Returns its path."""
    files = dict(files or {f"{name}.py": f"version = {version!r}\n"})
    info = f"{name}-{version}.dist-info"
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(f"Requires-Dist: {one}\n" for one in requires)
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = [f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text.encode())}"
              for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)
    return path


BACKEND = """
import sys
sys.path.insert(0, {tests!r})
import pathlib, wheels
def build_wheel(folder, settings=None, metadata=None):
    return wheels.add_wheel(pathlib.Path(folder), {name!r}, {version!r}).name
"""


def add_source(folder, name, version, setup=None, modules=None):
    """A source distribution whose `setup.py` is this text; without, it builds itself with this module, which is in `modules`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}.tar.gz"
    files = {"setup.py": setup} if setup else {
        "backend.py": BACKEND.format(tests=str(modules), name=name, version=version),
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'}
    with tarfile.open(path, "w:gz") as archive:
        for file, text in {**files, "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"}.items():
            member = tarfile.TarInfo(f"{name}-{version}/{file}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


@contextlib.contextmanager
def index_of(folder):
    """Serves the packages in the folder as an index (PEP 503); yields its URL, and the paths that it was asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            kind, _, name = self.path.partition("?")[0].strip("/").partition("/")
            if kind == "files" and (folder / name).is_file():
                self.answer(200, "application/octet-stream", (folder / name).read_bytes())
            elif kind == "simple":
                files = sorted(file for file in folder.iterdir() if file.name.startswith(f"{name}-")) if folder.exists() else []
                page = "".join(f'<a href="/files/{file.name}#sha256={hashlib.sha256(file.read_bytes()).hexdigest()}">{file.name}</a>' for file in files)
                self.answer(200 if files else 404, "text/html", page.encode())
            else:
                self.answer(404, "text/plain", b"")

        def answer(self, status, kind, body):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{served.server_address[1]}/simple", asked
    finally:
        served.shutdown()
        served.server_close()
