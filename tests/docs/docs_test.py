"""Runs what the documentation shows: README.md and docs/*.md.

Usage: docs_test.py BUILD_DIR [FILE.md ...]

Fenced blocks that are checked, by the words after the fence (all others are ignored):

  dnet                   a whole program: dnetc finds no errors
  dnet run [ARGS]        `dnet PROGRAM ARGS` (default: main) prints the ```output block that follows;
                         words that begin with one dash or are --precision=... go before PROGRAM
  dnet error [ARGS]      dnetc fails, and says each line of the ```message block that follows
  dnet warning [ARGS]    dnetc succeeds, and says each line of the ```message block that follows
  dnet save NAME         as `dnet`, and kept as the file NAME for the blocks after it
  dnet prompt            lines after `dnet> ` and `  ... ` are typed, the others are what is printed
  dnet session           the same, and all such blocks of a document are one session
  console                lines after `$ ` run if they begin with dnet, dnetc, cc or ./; the others are
                         their output, where a line `...` stands for any lines
  c save NAME            kept as the file NAME for the blocks after it

Each document has a folder of its own to run in, with a link to examples/. Numbers may differ by 1 in
500, because matrix products come from a library that is not the same on all machines; all else is
compared word by word.
"""
import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?)")
failures = []


class Block:
    def __init__(self, path, line, info):
        self.place = f"{os.path.relpath(path, ROOT)}:{line}"
        self.words = shlex.split(info)
        self.lines = []

    @property
    def text(self):
        return "".join(line + "\n" for line in self.lines)

    def is_a(self, *words):
        return tuple(self.words[:len(words)]) == words


def read_blocks(path):
    blocks, block = [], None
    for number, line in enumerate(open(path, encoding="utf-8").read().splitlines(), 1):
        fence = line.startswith("```")
        if block is None and fence:
            block = Block(path, number, line[3:])
        elif fence:
            blocks.append(block)
            block = None
        elif block is not None:
            block.lines.append(line)
    if block is not None:
        fail(block, "the block does not end")
    return blocks


def fail(block, why, *details):
    failures.append(block.place)
    print(f"{block.place}: {why}")
    for detail in details:
        print("    " + detail.replace("\n", "\n    ").rstrip())


def close(a, b):
    return abs(a - b) <= 2e-3 * max(abs(a), abs(b)) + 1e-5


def same_line(got, want):
    """Equal but for spaces and the last digits of numbers."""
    texts = [" ".join(NUMBER.sub(" # ", line).split()) for line in (got, want)]
    pairs = zip(NUMBER.findall(got), NUMBER.findall(want))
    return texts[0] == texts[1] and all(close(float(a), float(b)) for a, b in pairs)


def same_output(got, want):
    """Whether two lists of lines agree; `...` in want is any number of lines."""
    if not want:
        return not got
    if want[0].strip() == "...":
        return any(same_output(got[i:], want[1:]) for i in range(len(got) + 1))
    return bool(got) and same_line(got[0], want[0]) and same_output(got[1:], want[1:])


def meaningful(text):
    return [line for line in text.splitlines() if line.strip()]


class Document:
    def __init__(self, build, path, folder):
        self.programs = {"dnet": os.path.join(build, "dnet"), "dnetc": os.path.join(build, "dnetc")}
        self.blocks = read_blocks(path)
        self.folder = folder
        os.symlink(os.path.join(ROOT, "examples"), os.path.join(folder, "examples"))

    def run(self, program, *args, typed=""):
        if program == "cc" and b"__asan_init" in open(self.programs["dnetc"], "rb").read():
            args += ("-fsanitize=address,undefined",)  # as the libraries are
        done = subprocess.run([program, *args], executable=self.programs.get(program), cwd=self.folder,
                              input=typed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=600)
        return done.returncode, done.stdout

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def expect(self, block, args, got, want):
        if not same_output(meaningful(got), meaningful(want)):
            fail(block, "another output", "$ " + " ".join(args), "got:", got, "documented:", want)

    def checks(self, block, *args):
        self.write("program.dnet", block.text)
        code, output = self.run("dnetc", "program.dnet", *args)
        return code, output

    def check_program(self, block):
        code, output = self.checks(block)
        if code != 0:
            fail(block, f"dnetc returns {code}", output)

    def check_save(self, block):
        name = block.words[2]
        self.write(name, block.text)
        code, output = self.run("dnetc", name)
        if code != 0:
            fail(block, f"dnetc returns {code}", output)

    def check_message(self, block, message, code_wanted):
        code, output = self.checks(block, *block.words[2:])
        if code != code_wanted:
            fail(block, f"dnetc returns {code}", output)
        said = [" ".join(line.split()) for line in output.splitlines()]
        for line in message.lines:
            if line.strip() and not any(" ".join(line.split()) in text for text in said):
                fail(block, "this is not said: " + line, output)

    def check_run(self, block, output):
        words = block.words[2:]
        options = [w for w in words if re.match(r"-[^-]|--precision=", w)]
        args = [w for w in words if w not in options] or ["main"]
        self.write("program.dnet", block.text)
        code, got = self.run("dnet", *options, "program.dnet", *args)
        if code != 0:
            fail(block, f"dnet returns {code}", got)
        else:
            self.expect(block, args, got, output.text)

    @staticmethod
    def typed_and_printed(block):
        typed = [line[6:] for line in block.lines if line.startswith(("dnet> ", "  ... "))]
        printed = [line for line in block.lines if not line.startswith(("dnet> ", "  ... "))]
        return typed, printed

    def check_session(self):
        blocks = [block for block in self.blocks if block.is_a("dnet", "session")]
        mark, lines = "-- next block --", []
        for block in blocks:
            lines += self.typed_and_printed(block)[0] + [f'print("{mark}")']
        code, got = self.run("dnet", typed="".join(line + "\n" for line in lines)) if blocks else (0, "")
        parts = got.split(mark + "\n")
        if blocks and (code != 0 or len(parts) != len(blocks) + 1):
            fail(blocks[0], f"dnet returns {code} after {len(parts) - 1} blocks", got)
        for block, part in zip(blocks, parts):
            self.expect(block, ["dnet"], part, "\n".join(self.typed_and_printed(block)[1]))

    def check_prompt(self, block):
        typed, printed = self.typed_and_printed(block)
        code, got = self.run("dnet", typed="".join(line + "\n" for line in typed))
        if code != 0:
            fail(block, f"dnet returns {code}", got)
        self.expect(block, ["dnet"], got, "\n".join(printed))

    def check_console(self, block):
        commands = []
        for line in block.lines:
            if line.startswith("$ "):
                commands.append((shlex.split(line[2:], comments=True), []))
            elif commands:
                commands[-1][1].append(line)
        for args, want in commands:
            if args and (args[0] in self.programs or args[0] == "cc" or args[0].startswith("./")):
                try:
                    _, got = self.run(*args)
                except FileNotFoundError as e:  # an earlier line should have made it
                    got = str(e)
                self.expect(block, args, got, "\n".join(want))

    def check_block(self, block, after):
        pairs = {"run": "output", "error": "message", "warning": "message"}
        kind = block.words[1] if len(block.words) > 1 else ""
        if block.is_a("console"):
            return self.check_console(block)
        if block.is_a("c", "save"):
            return self.write(block.words[2], block.text)
        if not block.is_a("dnet"):
            return None
        if kind in pairs and not (after and after.is_a(pairs[kind])):
            return fail(block, f"no ```{pairs[kind]} block follows")
        if kind == "run":
            return self.check_run(block, after)
        if kind in pairs:
            return self.check_message(block, after, 1 if kind == "error" else 0)
        simple = {"": self.check_program, "save": self.check_save, "prompt": self.check_prompt}
        if kind == "session":
            return None
        if kind not in simple:
            return fail(block, f"`{kind}` is no kind of block")
        return simple[kind](block)

    def check(self):
        self.check_session()
        for block, after in zip(self.blocks, self.blocks[1:] + [None]):
            self.check_block(block, after)
        return sum(block.is_a("dnet") or block.is_a("console") for block in self.blocks)


def without_blocks(path):
    return re.sub(r"```.*?```", "", open(path, encoding="utf-8").read(), flags=re.S)


def anchors(path):
    """The anchors that a page's headings have on code hosts."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(path), flags=re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_links(path):
    """Links within the repository lead somewhere. Pictures may be made later."""
    for picture, target in re.findall(r"(!?)\[[^]]*\]\(([^)\s]+)\)", without_blocks(path)):
        if picture or "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = os.path.join(os.path.dirname(path), name) if name else path
        if not os.path.exists(file) or (anchor and anchor not in anchors(file)):
            failures.append(path)
            print(f"{os.path.relpath(path, ROOT)}: this link leads nowhere: {target}")


def check_library():
    done = subprocess.run([sys.executable, os.path.join(HERE, "make_library_doc.py"), "--check"])
    if done.returncode != 0:
        failures.append("docs/library.md")


def main():
    build = os.path.abspath(sys.argv[1])
    paths = [os.path.abspath(p) for p in sys.argv[2:]] or \
        [os.path.join(ROOT, "README.md")] + sorted(glob.glob(os.path.join(ROOT, "docs", "*.md")))
    if not os.access(os.path.join(build, "dnet"), os.X_OK):
        sys.exit(f"docs_test: {build}/dnet is not built")
    count = 0
    for path in paths:
        folder = tempfile.mkdtemp(prefix="dnet-docs-")
        try:
            count += Document(build, path, folder).check()
        finally:
            shutil.rmtree(folder)
        check_links(path)
    check_library()
    if failures:
        sys.exit(f"{len(failures)} failures")
    print(f"{count} blocks of {len(paths)} documents are as documented")


main()
