"""Programs, and what dnet and dnetc must say about them.

language_test.py BUILD_DIR [--update] [TEXT ...]      (Debian's python3 alone)

A file in messages/ or values/ holds cases:

    //! title
    a program
    //> other.dnet
    a file beside it
    //$ dnet t.dnet run --n 3
    //= expected output, stdout and stderr together
    //= [exit 1]

The program is t.dnet in a folder of its own; the command, `dnetc t.dnet` if none is given, is run there by a
shell. In expected output `...` stands for anything. With TEXT only cases with it in their titles are run;
--update writes what was said into the files, to be read before it is believed.

Every message of the compiler must be expected by some case: the formats are taken from its sources.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))


class Case:
    def __init__(self, path, line, title):
        self.path, self.line, self.title = path, line, title
        self.files = {"t.dnet": []}
        self.runs = []  # [command, expected lines]


def read_cases(path):
    """The comment at the file's start, and its cases."""
    head, cases, current = [], [], None
    with open(path) as f:
        lines = f.read().split("\n")
    for number, text in enumerate(lines, 1):
        if text.startswith("//! "):
            cases.append(Case(path, number, text[4:]))
            current = "t.dnet"
        elif not cases:
            head.append(text)
        elif text.startswith("//> "):
            current = text[4:]
            cases[-1].files[current] = []
        elif text.startswith("//$ "):
            cases[-1].runs.append([text[4:], []])
        elif text.startswith("//="):
            if not cases[-1].runs:
                cases[-1].runs.append(["dnetc t.dnet", []])
            cases[-1].runs[-1][1].append(text[4:])
        else:
            cases[-1].files[current].append(text)
    for case in cases:
        for name, content in case.files.items():
            while content and not content[-1]:
                content.pop()
        if not case.runs:
            case.runs.append(["dnetc t.dnet", []])
    return head, cases


def write_cases(path, head, cases):
    out = list(head)
    for case in cases:
        out.append(f"//! {case.title}")
        for name, content in case.files.items():
            out += ([] if name == "t.dnet" else [f"//> {name}"]) + content
        for command, expected in case.runs:
            out += [] if command == "dnetc t.dnet" and len(case.runs) == 1 else [f"//$ {command}"]
            out += [f"//= {line}".rstrip() for line in expected]
    with open(path, "w") as f:
        f.write("\n".join(out) + "\n")


def fits(expected, got):
    if len(expected) != len(got):
        return False
    return all(re.fullmatch(".*".join(map(re.escape, e.split("..."))), g.rstrip()) if "..." in e else e == g.rstrip()
               for e, g in zip(expected, got))


class Test:
    def __init__(self, build, update):
        self.environment = dict(os.environ, PATH=build + ":" + os.environ["PATH"], LC_ALL="C.UTF-8")
        self.update = update
        self.failures = 0
        self.texts = []  # of everything that is expected

    def say(self, command, folder):
        """The lines that a command printed, with its exit status if that is not 0."""
        result = subprocess.run(["/bin/bash", "-c", command], cwd=folder, env=self.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        lines = result.stdout.decode("utf-8", "replace").split("\n")
        if lines[-1] == "":
            lines.pop()
        return lines + ([f"[exit {result.returncode}]"] if result.returncode else [])

    def run(self, case):
        """Descriptions of what differs."""
        wrong = []
        with tempfile.TemporaryDirectory() as folder:
            for name, content in case.files.items():
                place = os.path.join(folder, name)
                os.makedirs(os.path.dirname(place), exist_ok=True)
                with open(place, "w") as f:
                    f.write("\n".join(content) + "\n")
            for run in case.runs:
                got = self.say(run[0], folder)
                if fits(run[1], got):
                    continue
                wrong.append(f"FAIL {os.path.relpath(case.path, HERE)}:{case.line}: {case.title}\n$ {run[0]}\n"
                             + "\n".join(["expected:"] + run[1] + ["got:"] + got))
                if self.update:
                    run[1] = [line.rstrip() for line in got]
        return wrong

    def all(self, texts):
        files = {path: read_cases(path) for path in sorted(glob.glob(os.path.join(HERE, "*", "*.dnet")))}
        cases = [case for _, found in files.values() for case in found
                 if not texts or any(text in case.title or text in case.path for text in texts)]
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            for wrong in pool.map(self.run, cases):
                self.failures += len(wrong)
                for text in wrong:
                    print(text + "\n")
        if self.update:
            for path, (head, found) in files.items():
                write_cases(path, head, found)
        self.texts = [line for case in cases for run in case.runs for line in run[1]]
        print(f"{len(cases)} cases, {self.failures} failures", flush=True)


# ---- every message has a case --------------------------------------------------------------------

SOURCES = ["frontend/build*.c", "frontend/host*.c", "frontend/compiler.c", "driver/*.c"]
# Functions that make messages, and which of their arguments is the format.
MAKERS = {"dn_build_error": 2, "dn_build_fail": 2, "dn_diag_error": 2, "dn_diag_warning": 3, "dn_diag_note": 3,
          "dn_diag_hint": 2, "fail": 2, "usage": 1}
# Messages that no program brings about, and why they are there.
UNREACHABLE = {
    # Integers are symbolic in the checks of a definition by itself only, where the value does not matter.
    "a number is wanted, not %s",
    # What stdlib/core.dnet declares, the compiler has.
    "`%s` is not a function of this compiler",
    # Every kind of expression is a case before.
    "this has no value in a command",
}


def arguments(text, at):
    """The arguments of the call whose `(` is at text[at]."""
    parts, depth, begin, i = [], 0, at + 1, at
    while i < len(text):
        c = text[i]
        if c in "\"'":
            i += 1
            while text[i] != c:
                i += 2 if text[i] == "\\" else 1
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if depth == 0:
                return parts + [text[begin:i]]
        elif c == "," and depth == 1:
            parts.append(text[begin:i])
            begin = i + 1
        i += 1
    return parts


def literals(argument):
    """The strings of an argument: neighbours are one, the branches of `? :` are two."""
    pieces = re.split(r'"((?:[^"\\]|\\.)*)"', argument)
    found, joined = [], False
    for i, piece in enumerate(pieces):
        if i % 2 == 0:
            joined = i > 0 and not piece.strip()
        elif joined:
            found[-1] += piece
        else:
            found.append(piece)
    return [f.replace('\\"', '"').replace("\\\\", "\\").replace("\\n", "") for f in found]


def formats():
    for pattern in SOURCES:
        for path in sorted(glob.glob(os.path.join(SOURCE, pattern))):
            with open(path) as f:
                text = f.read()
            for match in re.finditer(r"\b(" + "|".join(MAKERS) + r")\(", text):
                given = arguments(text, match.end() - 1)
                at = MAKERS[match.group(1)]
                if at >= len(given) or re.match(r"\s*(dn_\w+|const|char|static)\b.*\*", given[0]):
                    continue
                for literal in literals(given[at]):
                    if re.search(r"\w \w|^[^%]*\w{5}", re.sub(r"%\.?\*?\w+", "", literal)):
                        yield os.path.basename(path), text.count("\n", 0, match.start()) + 1, literal


def check_formats(test):
    seen = "\n".join(test.texts)
    used = set()
    missing = 0
    for path, line, text in formats():
        if text in UNREACHABLE:
            used.add(text)
            continue
        pattern = re.sub(r"%(?:\\?\.\\\*)?(?:ll|l|z)?[a-z]", lambda m: r"-?\d+" if m.group().endswith("d") else ".*",
                         re.escape(text).replace("%%", "%"))
        if not re.search(pattern, seen):
            missing += 1
            print(f"FAIL {path}:{line}: no case expects: {text}")
    for text in UNREACHABLE:
        if text not in used:
            missing += 1
            print(f"FAIL UNREACHABLE names a message that is not there: {text}")
    test.failures += missing
    print(f"{missing} messages without a case")


def main():
    texts = [a for a in sys.argv[2:] if a != "--update"]
    test = Test(os.path.abspath(sys.argv[1]), "--update" in sys.argv)
    test.all(texts)
    if not texts:
        check_formats(test)
    return 1 if test.failures else 0


if __name__ == "__main__":
    sys.exit(main())
