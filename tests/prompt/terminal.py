"""A scripted terminal: dnet behind a pty, keys sent to it, and the screen that results.

The screen knows the escape sequences that libedit and dnet send: moving, clearing, inserting and
deleting characters, colours (of each cell, and all that were seen). What it does not know it
keeps in `unknown`, so that a test can say so.
"""
import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
PARTIAL = re.compile(r"\x1b(\[[?>]?[0-9;]*)?")  # of a sequence that is cut by the end of what came
SEQUENCE = re.compile(r"\x1b\[([?>]?)([0-9;]*)([A-Za-z@`])")


EMPTY = (" ", ())


class Screen:
    """`lines` are lists of cells: a character and its colours, the numbers of its SGR sequences.

    As in a terminal, the cursor waits behind the last column until the next character. The cell
    behind a wide character is empty."""

    def __init__(self, columns, rows=400):
        self.columns, self.rows = columns, rows
        self.lines = [[]]
        self.style = ()
        self.row = self.column = 0
        self.unknown = []
        self.colours = set()
        self.graphics = []  # sixel and kitty sequences
        self.rest = ""

    def line(self):
        while len(self.lines) <= self.row:
            self.lines.append([])
        return self.lines[self.row]

    def put(self, char):
        width = 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if self.column + width > self.columns:
            self.row, self.column = self.row + 1, 0
        line = self.line()
        line.extend([EMPTY] * (self.column + width - len(line)))
        line[self.column] = (char, self.style)
        if width == 2:
            line[self.column + 1] = ("", self.style)
        self.column += width

    def control(self, char):
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self.row += 1
            self.line()
        elif char == "\b":
            self.column = max(0, self.column - 1)
        elif char == "\t":
            self.column += 8 - self.column % 8
        elif char != "\a":
            self.unknown.append(char)

    def sequence(self, private, numbers, kind):
        values = [int(n) if n else 0 for n in numbers.split(";")]
        n = max(1, values[0])
        line = self.line()
        if kind == "m":
            self.colours.update(values)
            self.style = () if values == [0] else self.style + tuple(values)
        elif kind == "A":
            self.row = max(0, self.row - n)
        elif kind == "B":
            self.row += n
            self.line()
        elif kind == "C":
            self.column += n
        elif kind == "D":
            self.column = max(0, self.column - n)
        elif kind == "G":
            self.column = n - 1
        elif kind == "K":
            if values[0] == 0:
                del line[self.column:]
            elif values[0] == 2:
                line.clear()
        elif kind == "J" and values[0] == 0:
            del line[self.column:]
            del self.lines[self.row + 1:]
        elif kind in "HJ":
            self.lines, self.row, self.column = [[]], 0, 0
        elif kind == "P":
            del line[self.column:self.column + n]
        elif kind == "@":
            line[self.column:self.column] = [EMPTY] * n
            del line[self.columns:]
        elif kind not in "hl":
            self.unknown.append(private + numbers + kind)

    def feed(self, text):
        text = self.rest + text
        self.rest = ""
        at = 0
        while at < len(text):
            char = text[at]
            if char != "\x1b":
                self.put(char) if char >= " " else self.control(char)
                at += 1
                continue
            match = SEQUENCE.match(text, at)
            string = re.match(r"\x1b[P_](.*?)\x1b\\", text[at:], re.S)
            if match:
                self.sequence(*match.groups())
                at = match.end()
            elif string:
                self.graphics.append(string.group(0))
                at += string.end()
            elif text[at + 1:at + 2] in ("=", ">", "7", "8"):
                at += 2
            elif PARTIAL.fullmatch(text, at) or text[at + 1:at + 2] in ("P", "_"):
                self.rest = text[at:]
                return
            else:
                self.unknown.append(text[at:at + 8])
                at += 1

    def text(self):
        return "\n".join("".join(char for char, _ in line).rstrip() for line in self.lines).rstrip("\n")

    def colours_of(self, row):
        """Runs of characters with their colours, those without left out: [("let", (35,)), ...]."""
        runs = []
        for char, style in self.lines[row]:
            if runs and runs[-1][1] == style:
                runs[-1][0] += char
            else:
                runs.append([char, style])
        return [(text, style) for text, style in runs if style]


class Terminal:
    def __init__(self, program, *args, columns=80, rows=40, env=None, cwd=None):
        self.screen = Screen(columns)
        whole = dict(os.environ, TERM="xterm-256color", LC_ALL="C.UTF-8",
                     LSAN_OPTIONS=f"suppressions={HERE}/libedit.supp:print_suppressions=0")
        for name in ("NO_COLOR", "COLORTERM", "KITTY_WINDOW_ID", "TERM_PROGRAM"):
            whole.pop(name, None)
        whole.update(env or {})
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            if cwd:
                os.chdir(cwd)
            os.execve(program, [program, *args], whole)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.ended = False
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.raw = ""

    def read(self, seconds):
        """What comes within that time, onto the screen. False when nothing did."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        if not data:
            self.ended = True
            return False
        text = self.decoder.decode(data)
        self.raw += text
        self.screen.feed(text)
        return True

    def wait(self, text, seconds=20):
        """Until the screen has the text at its end or, with a function, until that is true."""
        done = text if callable(text) else lambda: self.text().endswith(text)
        end = time.time() + seconds
        while not done():
            if self.ended or time.time() > end:
                raise AssertionError(f"waited for {text!r}; the screen is\n{self.text()}")
            self.read(0.05)

    def wait_prompt(self, prompt="dnet>"):
        self.wait(prompt)
        while self.read(0.02):
            pass

    def keys(self, text):
        os.write(self.fd, text.encode())

    def type(self, line, prompt="dnet>"):
        """Types a line, and gives what is shown until the next prompt."""
        before = len(self.screen.lines)
        self.keys(line + "\r")
        self.wait(lambda: len(self.screen.lines) > before and self.text().endswith(prompt))
        while self.read(0.01):
            pass
        return "\n".join(self.text().split("\n")[before:-1])

    def text(self):
        return self.screen.text()

    def close(self):
        """Ctrl-D; the exit code."""
        self.keys("\x04")
        end = time.time() + 20
        while not self.ended and time.time() < end:
            self.read(0.1)
        if not self.ended:
            os.kill(self.pid, signal.SIGKILL)  # the code tells
        _, state = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(state)
