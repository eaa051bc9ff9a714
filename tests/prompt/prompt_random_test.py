"""A session of 500 random inputs at a terminal: definitions that change, errors, interrupts, questions, other backends
(cuda is the simulated GPU). At its end it has the values that the same definitions have in a file.

prompt_random_test.py BUILD_DIR [SEED [INPUTS]]      (Debian's python3 alone)
"""
import os
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from terminal import Terminal

DNET = os.path.join(os.path.abspath(sys.argv[1]), "dnet")
GPU = os.path.join(os.path.abspath(sys.argv[1]), "tests", "cudasim", "libcuda.so.1")
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 20261123
INPUTS = int(sys.argv[3]) if len(sys.argv) > 3 else 500
FUNCTIONS, CONSTS, VARIABLES = 5, 3, 4

MODEL = """model M = Net
step fit(x: f32[2, 3]) {
    loss = mean(M(x))
    minimize loss over M with sgd(lr: 0.125)
    return {loss}
}
command say(n: int = 1) -> int { n + k0 }"""


class World:
    """What the session should be like."""

    def __init__(self, rng):
        self.rng = rng
        self.consts = [1] * CONSTS
        self.functions = [f"fn g{i}(x: f32[N]) -> f32[N] {{ x }}" for i in range(FUNCTIONS)]
        self.variables = [0] * VARIABLES
        self.width, self.fits = 1, 0

    def net(self, width, more=""):
        return (f"net Net(x: f32[N, 3]) -> f32[N, {width}] {{ x |> dense({width}, bias: false, "
                f"kernel_init: ones_init){more} }}")

    def start(self):
        return ([f"const k{i} = 1" for i in range(CONSTS)] + self.functions +
                [self.net(1)] + MODEL.split("\n") + [f"let v{i} = 0" for i in range(VARIABLES)])

    # ---- inputs: each gives the lines to type ----

    def change_const(self):
        i = self.rng.randrange(CONSTS)
        self.consts[i] = self.rng.randrange(1, 9)
        return [f"const k{i} = {self.consts[i]}"]

    def change_function(self):
        i = self.rng.randrange(FUNCTIONS)
        terms = ["x", f"k{self.rng.randrange(CONSTS)}", str(self.rng.randrange(1, 5))]
        terms += [f"g{self.rng.randrange(i)}(x)"] if i else []
        body = f" {self.rng.choice('+*')} ".join(self.rng.sample(terms, self.rng.randrange(1, len(terms) + 1)))
        if "x" not in body:
            body = f"x * ({body})"
        text = f"fn g{i}(x: f32[N]) -> f32[N] {{ {body} }}"
        self.functions[i] = text
        return text.replace("{ ", "{\n    ").replace(" }", "\n}").split("\n") if self.rng.random() < 0.5 else [text]

    def change_net(self):
        width = self.rng.choice([1, 2, 4])
        if width != self.width:
            self.fits = 0  # the parameter has another shape, and begins anew
        self.width = width
        return [self.net(width, self.rng.choice(["", " |> identity"]))]

    def change_variable(self):
        i = self.rng.randrange(VARIABLES)
        n = self.rng.randrange(100)
        kind = self.rng.randrange(3)
        if kind == 0:
            self.variables[i] = n
            return [f"let v{i} = {n}"]
        self.variables[i] = n if kind == 1 else self.variables[i] + n
        return [f"v{i} {'=' if kind == 1 else '+='} {n}"]

    def train(self):
        n = self.rng.randrange(1, 4)
        self.fits += n
        return [f"for i in 1..{n} {{ fit(ones([2, 3])) }}"]

    def mistake(self):
        i = self.rng.randrange(FUNCTIONS)
        return [self.rng.choice([
            f"fn g{i}(x: f32[N]) -> f32[N] {{ x + nothing }}",
            f"fn g{i}(x: f32[N]) -> f32[N] {{ x + ones([7, 3]) @ x }}",
            f"fn g{i}(x: f32[N]) -> f32[N, N] {{ x }}",
            "const k0 = nothing", "const k1 = 1 / \"a\"", f"let v{i % VARIABLES} = missing(3)",
            f"let v{i % VARIABLES} = idx(\"missing.gz\")", f"v{i % VARIABLES} = \"text\"", "1 +* 2", "2 )",
            "check(1 > 2)", f"let v{i % VARIABLES} = number(ones([2]))", "fit(ones([5, 5]))", "say(\"x\")",
            "net Net(x: f32[N, 3]) -> f32[N, 2] { x |> dense(nothing) }",
            "net Net(x: f32[N, 3]) -> f32[N, 2] { x |> dense(5) }",
            "step fit(x: f32[2, 3]) { minimize nothing over M with sgd(lr: 1) }", "ones([2]) + ones([3])",
            "\"not closed", ":nonsense", ":load missing.dnet", ":graph 1", "M(ones([2, 7]))", "@", "g0(g0)"])]

    def look(self):
        i = self.rng.randrange(FUNCTIONS)
        return [self.rng.choice([
            f"g{i}(ones([3]))", f":type g{i}(ones([2]))", f"v{i % VARIABLES}", "M", "M(ones([2, 3]))", ":vars",
            ":check mean(M(ones([2, 3])))", ":grad mean(M(ones([2, 3])))", ":nan fit(ones([2, 3]))", f":source g{i}",
            "say(n: 3)", ":graph fit", "for i in 1..2 { print(i) }", ":backend interp", ":backend x86",
            ":backend cuda", ":doc dense",
            ":memory fit", "help", "k0 * k1 + k2"])]

    # ---- the end ----

    def results(self):
        return ([f"print(g{i}(iota([3], type: f32)))" for i in range(FUNCTIONS)] +
                ["print(k0, k1, k2)", "print(say(5))", "print(M(ones([2, 3])))"] +
                [f"print(v{i})" for i in range(VARIABLES)])

    def file(self):
        lets = [f"let v{i} = {v}" for i, v in enumerate(self.variables)]
        body = lets + [f"for i in 1..{self.fits} {{ fit(ones([2, 3])) }}"] * (self.fits > 0) + self.results()
        consts = [f"const k{i} = {v}" for i, v in enumerate(self.consts)]
        return "\n".join(consts + self.functions + [self.net(self.width), MODEL, "command main() {"] + body + ["}\n"])


def interrupt(terminal):
    terminal.keys("while true { }\r")
    time.sleep(0.03)
    terminal.keys("\x03")
    terminal.wait_prompt()


def type_lines(terminal, lines):
    """Lines of one input; a definition goes on in the next line until it is complete."""
    for line in lines:
        before = len(terminal.screen.lines)
        terminal.keys(line + "\r")
        terminal.wait(lambda: len(terminal.screen.lines) > before and
                      terminal.text().endswith(("dnet>", "  ...")))


def main():
    rng = random.Random(SEED)
    world = World(rng)
    kinds = ([world.change_const] * 2 + [world.change_function] * 4 + [world.change_net] + [world.change_variable] * 3 +
             [world.train] + [world.mistake] * 4 + [world.look] * 3 + [None])
    with tempfile.TemporaryDirectory() as folder:
        terminal = Terminal(DNET, columns=200, env={"XDG_STATE_HOME": folder, "DNET_CUDA_DRIVER": GPU},
                            cwd=folder)
        terminal.wait_prompt()
        type_lines(terminal, world.start())
        for _ in range(INPUTS):
            kind = rng.choice(kinds)
            if kind:
                type_lines(terminal, kind())
            else:
                interrupt(terminal)
            if not terminal.text().endswith("dnet>"):  # a mistake that wants to go on
                terminal.keys("\x03")
                terminal.wait_prompt()
            if len(terminal.screen.lines) > 200:  # what has scrolled away
                del terminal.screen.lines[:-1]
                terminal.screen.row = 0
        type_lines(terminal, [":backend x86"])
        terminal.screen.lines, terminal.screen.row, terminal.screen.column = [[]], 0, 0
        type_lines(terminal, world.results())
        shown = [line for line in terminal.text().split("\n") if line and not line.startswith(("dnet>", "print("))]
        code = terminal.close()
        with open(os.path.join(folder, "same.dnet"), "w") as file:
            file.write(world.file())
        done = subprocess.run([DNET, "same.dnet", "main"], cwd=folder, stdout=subprocess.PIPE, text=True)
    wanted = done.stdout.splitlines()
    if code != 0 or shown != wanted:
        print(world.file())
        print("the session shows:", *shown, "the file gives:", *wanted, sep="\n    ")
        sys.exit(f"seed {SEED}: the session ended with other values than the file (code {code})")
    print(f"{INPUTS} inputs: the session has the {len(wanted)} values of the file")


main()
