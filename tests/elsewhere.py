"""A server of files elsewhere, for tests of what is fetched: over http or https, with an authority of its own."""
import contextlib
import http.server
import ssl
import subprocess
import threading


class Elsewhere:
    """Files by path; `requests` holds what was asked: (method, path, headers with names in lower case, body)."""

    def __init__(self, certificate=None):
        self.files = {}  # path → bytes, or a function(handler)
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.answer(b"")

            def do_POST(self):
                self.answer(self.rfile.read(int(self.headers.get("content-length", 0))))

            def answer(self, body):
                outer.requests.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                found = outer.files.get(self.path.partition("?")[0])
                if callable(found):
                    return found(self)
                if found is None:
                    return self.send(404, b"not here")
                etag = f'"{hash(found) & 0xffffffff:x}"'
                if self.headers.get("If-None-Match") == etag:
                    return self.send(304, b"", ETag=etag)
                return self.send(200, found, ETag=etag)

            def send(self, status, body, **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.scheme = "https"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server.server_address[1]

    def origin(self, host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def elsewhere(certificate=None):
    server = Elsewhere(certificate)
    try:
        yield server
    finally:
        server.close()


def certificate_for(folder, names):
    """A certificate for these subject alternative names ("DNS:localhost"), which is its own authority: (certificate, key)."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=elsewhere",
                    "-addext", f"subjectAltName={names}", "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key
