"""MLflow's own interface (its static files, unmodified) in a real browser: its pages, and what goes wrong in them."""
import contextlib
import re

import browser
import mlflow
import tracked
from sluice_program import ROOT

STATIC_FILES = re.sub(r"__init__.py$", "server/js/build", mlflow.__file__)
SCREENSHOTS = ROOT / "build" / "screenshots" / "mlflow"

# What the pages write to the console of MLflow's own server too, and why.
EXPECTED = {
    r"404 \(Not Found\) .*/mlflow/users/current$": "only a server of MLflow with passwords has users; the pages ask for it, and take 404 for \"none\"",
    r"404 \(Not Found\) .*/(experiments/get-by-name|registered-models/get)\?": "whether a name is free is asked so",
    r"ResizeObserver loop completed": "Chromium's notice that a size was not settled within one frame; it is, in the next",
}


def serving(folder, *arguments):
    return tracked.serving(folder, "--mlflow-ui", STATIC_FILES, *arguments)


class Pages:
    """Made by `opened`."""

    def __init__(self, chromium, server):
        self.browser, self.server = chromium, server

    def __call__(self, name, path, *words):
        """Opens a page, waits until it shows these words, and leaves a screenshot; returns its text."""
        self.browser.open(f"{self.server.url}/mlflow/{path}")
        text = self.browser.shows(*words)
        self.browser.screenshot(SCREENSHOTS / f"{name}.png")
        return text

    def went_wrong(self, *expected):
        """Pairs (address, what went wrong there), without what is expected."""
        self.browser.text()  # what it has said meanwhile is read
        return [(address, error) for address, error in self.browser.errors if not any(re.search(pattern, error) for pattern in [*EXPECTED, *expected])]


@contextlib.contextmanager
def opened(folder, server):
    with browser.opened(folder) as chromium:
        yield Pages(chromium, server)
