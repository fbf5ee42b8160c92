"""A real browser (Debian's Chromium) for tests: opens pages, reads what they show, takes screenshots. Spoken to by its debugging pipe."""
import base64
import contextlib
import json
import os
import pathlib
import signal
import subprocess

import waiting

LIMIT_S = 60


class Browser:
    """Made by `opened`."""

    def __init__(self, folder):
        ours, theirs = os.pipe(), os.pipe()  # what we say, what it says: its descriptors 3 and 4

        def place():
            # Above 4 first, so that none of them overwrites another.
            said, hears = os.dup(theirs[1]), os.dup(ours[0])
            while min(said, hears) <= 4:
                said, hears = os.dup(said), os.dup(hears)
            os.dup2(hears, 3)
            os.dup2(said, 4)

        with open(folder / "browser.log", "wb") as log:
            self.process = subprocess.Popen(
                ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,1000",
                 f"--user-data-dir={folder}/browser", "--remote-debugging-pipe", "about:blank"],
                stdout=log, stderr=log, start_new_session=True, preexec_fn=place, pass_fds=(3, 4), close_fds=True)
        os.close(ours[0])
        os.close(theirs[1])
        self.writes, self.reads = ours[1], theirs[0]
        self.buffer = b""
        self.number = 0
        self.errors = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime"):
            self.call(f"{domain}.enable")

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.writes)
        os.close(self.reads)

    def message(self):
        while b"\0" not in self.buffer:
            waiting.readable(self.reads, "the browser answers", LIMIT_S)
            got = os.read(self.reads, 1 << 20)
            assert got, "the browser has ended"
            self.buffer += got
        text, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(text)

    def call(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if not method.startswith("Target."):
            request["sessionId"] = self.session
        os.write(self.writes, json.dumps(request).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("method") == "Runtime.exceptionThrown":
                details = message["params"]["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description") or details["text"])
            if message.get("id") == self.number:
                assert "error" not in message, (method, message["error"])
                return message["result"]

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def open(self, url):
        """Loads the page anew, also where only what follows `#` differs."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=url)

    def text(self):
        return self.evaluate("document.body ? document.body.innerText : ''")

    def shows(self, *words, limit=LIMIT_S):
        """Waits until the page shows all of them; returns its text."""
        try:
            waiting.until(lambda: all(word in self.text() for word in words), f"the page shows {words}", limit)
        except AssertionError as error:
            raise AssertionError(f"{error}; it shows:\n{self.text()[:3000]}") from None
        return self.text()

    def screenshot(self, file):
        file = pathlib.Path(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


@contextlib.contextmanager
def opened(folder):
    browser = Browser(pathlib.Path(folder))
    try:
        yield browser
    finally:
        browser.close()
