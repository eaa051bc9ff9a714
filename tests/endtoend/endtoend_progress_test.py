"""What a person sees while a network trains: a bar that fits the terminal, plain lines where there is none.

The bytes that a program sends to a pty go through a small model of a terminal, so that what is looked at is what
would stand on the screen, at each moment and at the end.
"""
import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from endtoend import (DNET, MNIST, TIMEOUT, TINY_GAN, check, check_in, environment, finish, folder, run_ok)

SECONDS = 0.7  # of an epoch, roughly; a bar is drawn ten times a second
FINAL = r"epoch {0} +{1}/{1} +[\d.]+k? it/s +in \d+:\d\d +mean d_loss [\d.]+ +g_loss [\d.]+"
WRITTEN = "wrote out/gan.ckpt, out/losses.csv, 2 images (last out/epoch-2.png)"


class Screen:
    """The lines of a terminal that is `columns` wide; understands what progress lines need."""

    def __init__(self, columns):
        self.columns = columns
        self.lines, self.row, self.column = [""], 0, 0
        self.codes = set()   # escape sequences seen
        self.widest = 0
        self.wrapped = False

    def put(self, c):
        if self.column == self.columns:
            self.wrapped = True
            self.newline()
            self.column = 0
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[:self.column] + c + line[self.column + 1:]
        self.column += 1
        self.widest = max(self.widest, self.column)

    def newline(self):
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")

    def feed(self, text):
        """Takes whole escape sequences."""
        for part in re.split(r"(\x1b\[[0-9;]*[A-Za-z]|\r|\n)", text):
            if part == "\r":
                self.column = 0
            elif part == "\n":
                self.newline()
            elif part.startswith("\x1b"):
                self.codes.add(part)
                if part == "\x1b[K":
                    self.lines[self.row] = self.lines[self.row][:self.column]
            else:
                for c in part:
                    self.put(c)

    def text(self):
        return [line.rstrip() for line in self.lines]


def train(steps):
    """Two epochs of so many steps."""
    return [DNET, TINY_GAN, "train", "--images", MNIST, "--take-n", str(16 * steps), "--epochs", "2", "--every", "0"]


def choose_steps():
    """As many as this machine makes in the wanted time."""
    said = run_ok(*train(60), cwd=folder()).err
    rates = [float(rate) for rate in re.findall(r"([\d.]+) it/s", said)]
    return min(max(int(max(rates) * SECONDS), 40), 600)


STEPS = choose_steps()
TRAIN = train(STEPS)


def set_columns(terminal, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def run_in_terminal(args, columns, cwd, resize=None, **env):
    """(exit code, Screen, moments): `moments` are the lines at the cursor after each piece that arrived. With
    `resize`, the terminal gets that width after the first bar."""
    terminal, end = pty.openpty()
    set_columns(terminal, columns)
    process = subprocess.Popen(args, cwd=cwd, env=environment(**env), stdin=end, stdout=end, stderr=end)
    os.close(end)
    screen, moments, rest = Screen(columns), [], b""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            data = os.read(terminal, 65536)
        except OSError:  # the other end was closed
            break
        if not data:
            break
        # A read may end within a character or an escape sequence.
        whole = re.match(rb"(?s).*(?=\x1b[^A-Za-z]*$)|.*", rest + data)[0]
        text = codecs.utf_8_decode(whole, "strict", False)
        rest = (rest + data)[text[1]:]
        for piece in re.split(r"(?<=\x1b\[K)", text[0]):
            screen.feed(piece)
            moments.append(screen.lines[screen.row].rstrip())
        if resize and any(f"/{STEPS}" in m for m in moments):
            set_columns(terminal, resize)
            screen.columns, screen.widest, resize = resize, 0, None
    code = process.wait(timeout=TIMEOUT)
    os.close(terminal)
    return code, screen, moments


def bars(moments, pattern):
    return [m for m in moments if re.search(pattern, m)]


def check_ending(screen, parts):
    """What stays: a line for each epoch, whole or without what does not fit, and what was written."""
    lines = [line for line in screen.text() if line]
    written = "".join(lines[2:])
    check(len(lines) >= 3 and written == WRITTEN, lines)
    for i, line in enumerate(lines[:2]):
        check(re.fullmatch(parts.format(i + 1, STEPS), line), repr(line), "is not", parts.format(i + 1, STEPS))


def test_wide():
    code, screen, moments = run_in_terminal(TRAIN, 80, folder())
    check(code == 0, code, screen.text())
    drawn = bars(moments, "▕[█▏▎▍▌▋▊▉ ]+▏")
    check(len(drawn) >= 4, len(drawn), moments)
    check(any(re.search(rf"epoch [12].* \d+/{STEPS}.*ETA \d:\d\d.*d_loss [\d.]+", m) for m in drawn), drawn)
    check(not screen.wrapped and screen.widest < 80, screen.text())
    check("\x1b[36m" in screen.codes and "\x1b[0m" in screen.codes, screen.codes)
    check_ending(screen, FINAL)


def test_narrow():
    code, screen, moments = run_in_terminal(TRAIN, 40, folder())
    check(code == 0, code, screen.text())
    drawn = bars(moments, "▕[█▏▎▍▌▋▊▉ ]+▏")
    check(len(drawn) >= 4 and all(len(m) < 40 for m in drawn), drawn)
    check(all(re.match(rf"epoch [12]  ▕.*▏ +\d+/{STEPS}", m) for m in drawn), drawn)
    check_ending(screen, r"epoch {0}  {1}/{1}.*in \d+:\d\d.*")


def test_tiny():
    """Where nothing fits, the count is what stays."""
    code, screen, moments = run_in_terminal(TRAIN, 12, folder())
    check(code == 0, code)
    counts = bars(moments, rf"^ *\d+/{STEPS}$")
    check(len(counts) >= 4, moments)
    check(screen.text()[:2] == [f"{STEPS}/{STEPS}"] * 2, screen.text())


def test_resized():
    code, screen, moments = run_in_terminal(TRAIN, 100, folder(), resize=50)
    check(code == 0, code)
    drawn = bars(moments, "▕.*▏")
    check(len(drawn[0]) > 50 and all(len(m) < 50 for m in drawn[3:]), drawn)


def test_no_colour():
    code, screen, moments = run_in_terminal(TRAIN, 80, folder(), NO_COLOR="1")
    check(code == 0 and screen.codes == {"\x1b[K"}, code, screen.codes)
    check(len(bars(moments, "▕.*▏")) >= 4, moments)
    check_ending(screen, FINAL)


def test_ascii():
    code, screen, moments = run_in_terminal(TRAIN, 80, folder(), LC_ALL="C")
    check(code == 0, code)
    drawn = bars(moments, r"\[#*\.*\]")
    check(len(drawn) >= 4 and all(m.isascii() for m in moments), moments)
    check_ending(screen, FINAL)


def test_dumb():
    """A terminal that cannot go back in a line gets whole lines."""
    code, screen, _ = run_in_terminal(TRAIN, 100, folder(), TERM="dumb")
    check(code == 0 and not screen.codes, code, screen.codes)
    check_ending(screen, FINAL)


def test_pipe():
    result = run_ok(*TRAIN, cwd=folder())
    check(result.out == WRITTEN + "\n", result)
    lines = result.err.splitlines()
    check("\r" not in result.err and "\x1b" not in result.err, result.err)
    ends = [line for line in lines if f"{STEPS}/{STEPS}" in line]
    check(len(ends) == 2 and all(re.fullmatch(FINAL.format(i + 1, STEPS), line) for i, line in enumerate(ends)), lines)
    # On a slow machine a line now and then.
    check(len(lines) < 30 and all(re.match(r"epoch [12]  ", line) for line in lines), lines)


def test_print_and_error():
    """Other output does not land in the bar's line."""
    cwd = folder()
    with open(os.path.join(cwd, "mixed.dnet"), "w") as f:
        f.write("command go() {\n"
                "    for i in progress(0..2999999, label: \"counting\") {\n"
                "        if i % 1000000 == 999999 { print(\"a line\", i) }\n"
                "        check(i < 2500000, \"too far\")\n"
                "    }\n"
                "}\n")
    code, screen, moments = run_in_terminal([DNET, "mixed.dnet", "go"], 80, cwd)
    lines = [line for line in screen.text() if line]
    check(code == 1 and lines[0] == "a line 999999" and lines[1] == "a line 1999999", code, lines)
    check(len(bars(moments, "counting.*▕.*▏")) >= 2, moments)
    check(any(line.startswith("mixed.dnet:4:9: error: too far") for line in lines), lines)
    check(not any("a line" in line and "▕" in line for line in lines), lines)


def test_messages():
    """Errors are in colour on a terminal, and not where NO_COLOR is set."""
    cwd = folder()
    with open(os.path.join(cwd, "wrong.dnet"), "w") as f:
        f.write("command go() { prin(1) }\n")
    for changes in ({}, {"NO_COLOR": "1"}):
        code, screen, _ = run_in_terminal([DNET, "wrong.dnet", "go"], 80, cwd, **changes)
        check(code == 1 and bool(screen.codes) == (not changes), code, screen.codes)
        check_in("did you mean `print`?", "\n".join(screen.text()))


test_wide()
test_narrow()
test_tiny()
test_resized()
test_no_colour()
test_ascii()
test_dumb()
test_pipe()
test_print_and_error()
test_messages()
finish()
