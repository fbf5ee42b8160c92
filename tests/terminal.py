"""A terminal for tests: a real pty, and a screen that interprets the escape sequences that the programs may send."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from sluice_program import BIN, environment

END_LIMIT_S = 60
SEQUENCE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")


class Screen:
    """The contents of a terminal of this size that wraps long lines."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.lines = [""]  # including scrollback; the screen is the last `height`
        self.row = self.column = 0
        self.breaks_lines = True
        self.unknown = []

    def feed(self, text):
        while text:
            if found := SEQUENCE.match(text):
                self.obey(*found.groups())
                text = text[found.end():]
            else:
                self.put(text[0])
                text = text[1:]

    def put(self, character):
        if character == "\n":
            self.row += 1
            if self.row == len(self.lines):
                self.lines.append("")
        elif character == "\r":
            self.column = 0
        elif character < " " or character == "\x1b":
            self.unknown.append(character)
        else:
            if self.column == self.width:
                if self.breaks_lines:
                    self.put("\n")
                    self.column = 0
                else:
                    self.column -= 1
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[:self.column] + character + line[self.column + 1:]
            self.column += 1

    def obey(self, private, numbers, letter):
        if private and letter in "hl" and numbers == "7":
            self.breaks_lines = letter == "h"
        elif letter == "A":
            top = max(0, len(self.lines) - self.height)
            self.row = max(top, self.row - int(numbers or 1))
        elif letter == "K" and numbers == "":
            self.lines[self.row] = self.lines[self.row][:self.column]
        elif letter == "J" and numbers == "":
            self.lines[self.row] = self.lines[self.row][:self.column]
            del self.lines[self.row + 1:]
        elif letter != "m":
            self.unknown.append(private + numbers + letter)

    def resize(self, width, height):
        """Rewraps the lines, as some terminals do."""
        before, self.lines = self.lines, []
        row = self.row
        for number, line in enumerate(before):
            if number == row:
                self.row = len(self.lines)
            self.lines += [line[i:i + width] for i in range(0, len(line), width)] or [""]
        self.width, self.height = width, height

    def text(self):
        return "\n".join(line.rstrip() for line in self.lines).rstrip("\n")


def become_foreground():
    """Runs in the child: sets up what a shell provides for a foreground program, however these tests were started."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):  # a shell ignores them for background jobs, and children inherit that
        signal.signal(number, signal.SIG_DFL)


class Terminal:
    """`sluice` with its three standard streams on a pty."""

    def __init__(self, *arguments, data, width=80, height=24, **more):
        self.master, slave = pty.openpty()
        self.screen = Screen(width, height)
        self.raw = ""
        self.size(width, height)
        self.process = subprocess.Popen([BIN / "sluice", *map(str, arguments), "--data", str(data)], stdin=slave, stdout=slave, stderr=slave,
                                        env=environment(TERM="xterm-256color", **more), start_new_session=True,
                                        preexec_fn=become_foreground)
        os.close(slave)

    def size(self, width, height):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def resize(self, width, height):
        self.read()
        self.screen.resize(width, height)
        self.size(width, height)

    def read(self, patience=0.0):
        """Reads what has been sent; returns False at the end."""
        while select.select([self.master], [], [], patience)[0]:
            try:
                sent = os.read(self.master, 65536).decode()
            except OSError:  # EIO: the other end is closed
                return False
            if not sent:
                return False
            self.raw += sent
            self.screen.feed(sent)
            patience = 0.0
        return True

    def until(self, condition, limit=60):
        deadline = time.monotonic() + limit
        while not condition():
            assert time.monotonic() < deadline, self.screen.text()
            if not self.read(max(0.0, deadline - time.monotonic())):
                assert condition(), self.screen.text()
                return

    def shows(self, *texts):
        self.until(lambda: all(text in self.screen.text() for text in texts))

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        """Waits for the process. Returns its exit status."""
        deadline = time.monotonic() + END_LIMIT_S
        while self.read(max(0.0, deadline - time.monotonic())):
            assert time.monotonic() < deadline, self.screen.text()
        return self.process.wait(30)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)
        os.close(self.master)
