"""A real browser (Debian's Chromium) for tests: opens pages, reads what they show, clicks, types, takes screenshots. Spoken to by its debugging pipe."""
import base64
import contextlib
import json
import os
import pathlib
import signal
import subprocess

import waiting

LIMIT_S = 60

# The last visible element (what was opened last is in front) of those that a selector matches, with exactly this text, label or place holder.
FIND = """((selector, words) => [...document.querySelectorAll(selector)].filter(element => {
  const box = element.getBoundingClientRect();
  const named = [element.innerText, element.ariaLabel, element.title, element.placeholder].some(text => (text || '').trim() === words);
  return box.width > 0 && box.height > 0 && getComputedStyle(element).visibility === 'visible' && !element.disabled && (words === null || named);
}).at(-1))"""
CLICKED = "button, a, label, input, textarea, [role=button], [role=menuitem], [role=menuitemradio], [role=option], [role=tab], [role=combobox], [role=checkbox], [role=radio]"
KEYS = {"Enter": 13, "Escape": 27, "Tab": 9, "Backspace": 8, "a": 65}
CONTROL = 2


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
        self.address = ""
        self.errors = []  # pairs: the address of the page, what went wrong in it
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
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
            self.note_error(message.get("method"), message.get("params"))
            if message.get("id") == self.number:
                assert "error" not in message, (method, message["error"])
                return message["result"]

    def note_error(self, method, params):
        """Exceptions that nobody caught, what the page writes to its console as an error, and what the browser does: requests that failed, policies."""
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            thrown = details.get("exception", {})
            self.errors.append((self.address, f"{details['text']}: {thrown.get('description') or thrown.get('value')}"))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
            self.errors.append((self.address, "console: " + " ".join(str(one.get("value") or one.get("description")) for one in params["args"])))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append((self.address, f"{params['entry']['source']}: {params['entry']['text']} {params['entry'].get('url', '')}"))

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def open(self, url):
        """Loads the page anew, also where only what follows `#` differs."""
        self.call("Page.navigate", url="about:blank")
        self.address = url
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

    def place_of(self, words, selector):
        """The middle of the element, once it is there, has stopped moving, and nothing is in front of it."""
        def found():
            return self.evaluate(f"""(async () => {{
              const element = {FIND}({json.dumps(selector)}, {json.dumps(words)});
              if (!element) return null;
              element.scrollIntoView({{block: 'center', inline: 'center', behavior: 'instant'}});
              const box = element.getBoundingClientRect();
              await new Promise(requestAnimationFrame);
              const again = element.getBoundingClientRect();
              const x = box.x + box.width / 2, y = box.y + box.height / 2, front = document.elementFromPoint(x, y);
              return box.x === again.x && box.y === again.y && front && (element.contains(front) || front.contains(element)) ? [x, y] : null;
            }})()""")

        try:
            return waiting.until(found, f"{words!r} ({selector}) can be clicked", LIMIT_S)
        except AssertionError as error:
            raise AssertionError(f"{error}; it shows:\n{self.text()[:3000]}") from None

    def click(self, words=None, selector=CLICKED):
        """Clicks on the last element that is shown with these words, or has them as its label or place holder; or on the last of the selector."""
        x, y = self.place_of(words, selector)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="none" if kind == "mouseMoved" else "left", clickCount=1)

    def press(self, key, control=False):
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key], modifiers=CONTROL if control else 0,
                      **(text if kind == "keyDown" else {}))

    def type(self, text):
        """Into what has the focus, in the place of what is there."""
        self.press("a", control=True)
        self.call("Input.insertText", text=text)

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
