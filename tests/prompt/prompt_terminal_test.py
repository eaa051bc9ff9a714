"""The prompt at a terminal: keys are sent, the screen is read.

prompt_terminal_test.py BUILD_DIR      (Debian's python3 alone)
"""
import os
import random
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from terminal import Terminal

DNET = os.path.join(os.path.abspath(sys.argv[1]), "dnet")
UP, DOWN, LEFT, HOME, END = "\x1b[A", "\x1b[B", "\x1b[D", "\x01", "\x05"
failures = 0


def fail(what, terminal):
    global failures
    failures += 1
    print(f"{what}; the screen is\n    " + terminal.text().replace("\n", "\n    "))


def check(terminal, condition, what):
    if not condition:
        fail(what, terminal)


class Session:
    """A terminal with a folder of its own for the history; ends by Ctrl-D with code 0."""

    def __init__(self, folder=None, env=None, **options):
        self.own = tempfile.TemporaryDirectory() if folder is None else None
        self.folder = folder or self.own.name
        env = dict({"XDG_STATE_HOME": self.folder}, **(env or {}))
        self.terminal = Terminal(DNET, env=env, cwd=self.folder, **options)

    def __enter__(self):
        self.terminal.wait_prompt()
        return self.terminal

    def __exit__(self, kind, *_):
        if kind is None:
            code = self.terminal.close()
            check(self.terminal, code == 0, f"the session ended with code {code}")
            check(self.terminal, not self.terminal.screen.unknown,
                  f"unknown sequences {self.terminal.screen.unknown}")
        if self.own:
            self.own.cleanup()


def settle(terminal, seconds=0.15):
    while terminal.read(seconds):
        pass


def last_line(terminal):
    return terminal.text().split("\n")[-1]


# ---- editing -------------------------------------------------------------------------------------

def test_values_and_colours():
    with Session() as t:
        check(t, "dnet 0" in t.text() and "help explains" in t.text(), "no greeting")
        check(t, t.type("1 / 4") == "float 0.25", "another value")
        check(t, 36 in t.screen.colours, "types have no colour")
        t.type("iota([2], type: f32) / 0")
        check(t, 31 in t.screen.colours, "NaN has no colour")
    with Session(env={"NO_COLOR": "1"}) as t:
        t.type("iota([2], type: f32) / 0")
        t.type("nothing")
        check(t, not t.screen.colours, f"colours {t.screen.colours} in spite of NO_COLOR")
    with Session(env={"TERM": "dumb"}) as t:
        check(t, t.type("1 + 1") == "int 2", "nothing works on a dumb terminal")
        t.type("nothing")
        check(t, not t.screen.colours, "colours on a dumb terminal")


def test_line_editing():
    with Session() as t:
        t.keys("1 + 3" + LEFT + "\x7f2" + "\r")
        t.wait_prompt()
        check(t, "int 23" not in t.text() and "dnet> 1 +23\nint 24" in t.text(), "keys edit something else")
        check(t, t.type("\"grüße, 世界\"") == 'string "grüße, 世界"', "UTF-8 is not kept")
        t.keys("\"ü\"" + LEFT + "\x7f" + "o" + "\r")
        t.wait_prompt()
        check(t, 'string "o"' in t.text(), "a character is deleted by bytes")
        check(t, t.type("") == "", "an empty line gives something")


def test_several_lines():
    with Session() as t:
        t.type("fn f(x: f32[N]) -> f32[N] {", "  ...")
        t.type("", "  ...")
        t.type("    2 * x", "  ...")
        check(t, t.type("}") == "", "a definition shows a value")
        check(t, t.type("f(ones([2]))") == "f32[2] [2, 2]", "the function is not there")
        t.type("let y = (1 +", "  ...")
        t.type("2)")
        check(t, t.type("y") == "int 3", "an expression does not go on")
        t.type("fn g(x) {", "  ...")
        t.keys("\x03")  # drops the whole of it
        t.wait_prompt()
        check(t, "no function called `g`" in t.type("g(1)"), "Ctrl-C keeps half a definition")
        t.type("fn g(x) {", "  ...")
        t.keys("\x04")  # so does Ctrl-D
        t.wait_prompt()
        check(t, t.type("7") == "int 7", "Ctrl-D ends the session within a definition")


def test_history():
    with tempfile.TemporaryDirectory() as folder:
        with Session(folder) as t:
            t.type("let first = 11")
            t.type("fn f(x: f32[N]) -> f32[N] {", "  ...")
            t.type("3 * x", "  ...")
            t.type("}")
        path = os.path.join(folder, "dnet", "history")
        check(t, os.path.exists(path), "no file of the history")
        with Session(folder) as t:
            t.keys(UP)
            settle(t)
            check(t, t.text().endswith("dnet> fn f(x: f32[N]) -> f32[N] {\n3 * x\n}"), "the definition is not recalled whole")
            t.keys("\r")
            t.wait_prompt()
            check(t, t.type("f(ones([1]))") == "f32[1] [3]", "what was recalled is not evaluated")
            t.keys("\x12" + "first")  # Ctrl-R
            settle(t)
            t.keys("\r")
            t.wait_prompt()
            check(t, t.type("first + 1") == "int 12", "search does not find the line")
            t.keys(UP + UP + DOWN + "\r")
            t.wait_prompt()
            check(t, t.text().endswith("dnet> first + 1\nint 12\ndnet>"), "up and down lead elsewhere")


# ---- completion and brackets -----------------------------------------------------------------------

def test_completion():
    with Session() as t:
        t.type("let record_of = {alpha: 1, beta: {gamma: ones([2])}}")
        for keys, whole in (("softm\t", "softmax"), ("record_o\t", "record_of"), ("record_of.al\t", "record_of.alpha"),
                            ("record_of.beta.\t", "record_of.beta.gamma"), ("conv2d(x, dila\t", "conv2d(x, dilation:"),
                            (":sha\t", ":shape"), ("ones([2]) |> leaky\t", "ones([2]) |> leaky_relu"),
                            (":help memo\t", ":help memory")):
            t.keys(keys)
            settle(t)
            check(t, last_line(t) == "dnet> " + whole, f"{keys!r} is completed to something else than {whole!r}")
            t.keys("\x03")
            t.wait_prompt()
        t.type("net Net(x: f32[N, 2]) -> f32[N, 1] { x |> dense(3) |> dense(1) }")
        t.type("model M = Net")
        t.type("M(ones([1, 2]))")
        typed_keys = "M.dense\t\t.k\t"  # the list of dense and dense_2 first
        t.keys(typed_keys)
        settle(t)
        check(t, last_line(t) == "dnet> M.dense.kernel", "the name of a parameter is not completed")
        t.keys("\x03")
        t.wait_prompt()
        t.keys("softp\t\x7f\x7f\x7f\x7f\x7f")
        t.keys("\x03")
        t.wait_prompt()
        t.keys("record_of.\t")
        settle(t)
        check(t, "alpha  int" in t.text() and "beta" in t.text(), "no list with types")
        check(t, last_line(t) == "dnet> record_of.", "the line is not drawn again under the list")
        t.keys("\x03")
        t.wait_prompt()
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "weights"))
        open(os.path.join(folder, "weights", "gan.dnet"), "w").close()
        with Session(folder) as t:
            for keys, whole in (('restore("wei\tga\t', 'restore("weights/gan.dnet'), (":load wei\tg\t", ":load weights/gan.dnet")):
                t.keys(keys)
                settle(t)
                check(t, last_line(t) == "dnet> " + whole, f"the file of {keys!r} is not completed")
                t.keys("\x03")
                t.wait_prompt()
            t.type("fn h(x: f32[N]) -> f32[N] {", "  ...")
            t.keys("\tx")
            settle(t)
            check(t, last_line(t) == "  ...     x", "a tab at the start of a line is no indentation")
            t.keys("\x03")
            t.wait_prompt()


def test_brackets():
    """Without colours the cursor visits the partner of a closing bracket."""
    with Session(env={"NO_COLOR": "1"}) as t:
        t.keys("(1 + [2")
        settle(t)
        before = len(t.raw)
        t.keys("]")
        settle(t, 0.4)
        moves = t.raw[before:]
        check(t, last_line(t) == "dnet> (1 + [2]", "a bracket is not inserted")
        check(t, "]\x1b[3D\x1b[2C" in moves, "the cursor does not visit the partner")
        t.keys("[0])\r")
        t.wait_prompt()
        t.keys("let s = [[1, 2], [3]]\rcount(s)\r")  # pasted: no waiting
        t.wait("int 2\ndnet>")


# ---- colours -------------------------------------------------------------------------------------

KEYWORD, NUMBER, STRING, FUNCTION, COMMENT, STRAY, PARTNER = 35, 33, 32, 36, 2, 31, 7


def colours(terminal, rows=1):
    """Of the last rows: [("let", 35), ...], without the prompt's."""
    screen = terminal.screen
    runs = [run for row in range(len(screen.lines) - rows, len(screen.lines)) for run in screen.colours_of(row)]
    return [(text, style[-1]) for text, style in runs if style != (1, 32)]


def typed(terminal, keys, wanted, rows=1):
    terminal.keys(keys)
    settle(terminal)
    check(terminal, colours(terminal, rows) == wanted, f"{keys!r}: other colours, {colours(terminal, rows)}")


def test_colours():
    with Session() as t:
        t.keys('for i in 1..3 { softmax(x, "grü世 {i}") // end')
        line = [("for", KEYWORD), ("in", KEYWORD), ("1", NUMBER), ("3", NUMBER), ("softmax", FUNCTION),
                ('"grü世 {', STRING), ('}"', STRING), ("// end", COMMENT)]
        typed(t, "", line)
        typed(t, LEFT * 7, line[:5] + [("(", PARTNER)] + line[5:7] + [(")", PARTNER)] + line[7:])
        check(t, (t.screen.row, t.screen.column) == (1, 45), "the cursor is not where it was")
        t.keys("\x03")
        t.wait_prompt()
        typed(t, "log(x) |> f.log", [("log", FUNCTION)])  # a function here, no keyword, and a field
        t.keys("\x03")
        t.wait_prompt()
        typed(t, '"open {2', [('"open {2', STRING)])
        t.keys("\x03")
        t.wait_prompt()
        typed(t, ":type ones", [(":type", KEYWORD), ("ones", FUNCTION)])
        t.keys("\x03")
        t.wait_prompt()
        typed(t, "(1 + 2))", [("1", NUMBER), ("2", NUMBER), (")", STRAY)])
        typed(t, "\x7f", [("(", PARTNER), ("1", NUMBER), ("2", NUMBER), (")", PARTNER)])
        t.keys("\r")
        t.wait_prompt()
        check(t, t.screen.colours_of(t.screen.row - 2)[1:] == [("1", (NUMBER,)), ("2", (NUMBER,))],
              "a line that is done keeps the marks of its brackets")
        t.type("fn f(x: f32[N]) {", "  ...")
        typed(t, "} )", [(")", STRAY)])  # the brace closes that of the line before
        t.keys("\x03")
        t.wait_prompt()
        t.type("let log = 3")
        typed(t, "log + 1", [("1", NUMBER)])
        t.keys("\x03")
        t.wait_prompt()
        typed(t, "\x12let", [("let", KEYWORD), ("3", NUMBER)], rows=2)  # search: its own row has none
        t.keys("\x03")
    with Session(env={"NO_COLOR": "1"}) as t:
        typed(t, "let x = (1)", [])
        t.keys("\x03")


def test_colours_of_long_lines():
    for columns in (40, 80):
        with Session(columns=columns) as t:
            text = "let a = [" + "12, " * 30 + "]"
            rows = -(-(6 + len(text)) // columns)
            t.keys(text)
            settle(t)
            numbers = [run for run in colours(t, rows) if run[1] == NUMBER]
            check(t, len("".join(text for text, _ in numbers)) == 60, f"numbers at {columns} columns: {numbers}")
            check(t, [r for r in colours(t, rows) if r[1] == PARTNER] == [("[", PARTNER), ("]", PARTNER)],
                  f"the partner of a bracket in another row, at {columns} columns")
            t.keys("\x03")
            t.wait_prompt()
            row = t.screen.row
            for n in range(columns - 8, columns + 3):  # over the margin, one by one
                t.keys("1" if n > columns - 8 else "1" * (columns - 8))
                settle(t, 0.05)
                at = (t.screen.row - row) * columns + t.screen.column
                check(t, at == 6 + n, f"behind {n} characters the cursor is at {at} of {columns}")
                text = t.text().replace("\n", "")
                check(t, text.endswith("dnet> " + "1" * n), f"{n} characters are not what is shown")
            t.keys("\x03")


def edited(terminal):
    """The line that is edited as it is shown, and the cursor, counted from its prompt."""
    lines = terminal.text().split("\n")
    first = max(i for i, line in enumerate(lines) if line.startswith("dnet>"))
    return "\n".join(lines[first:]).rstrip(), terminal.screen.row - first, terminal.screen.column


def send_and_see(terminal, keys):
    """Until the prompt is drawn again, which is done when no more keys are waiting."""
    before = len(terminal.raw)
    terminal.keys(keys)
    terminal.wait(lambda: "dnet>" in terminal.raw[before:])
    settle(terminal, 0.03)


def test_random_keys():
    """What is shown after random keys is what libedit shows when it draws the line anew."""
    random.seed(5)
    keys = ["a", "b ", "(", ")", "[", "]", "{", "}", '"', "ü", "世", "12", "+ ", "let ", "// ", ":", ", ", LEFT, LEFT, HOME,
            END, "\x7f", "\x1b[3~", "\x0b", "\x17", UP, DOWN, "\x12a", "\x14", "\x1b[1;5D"]
    for env in ({}, {"NO_COLOR": "1"}):
        for columns in (40, 80):
            with Session(columns=columns, env=env) as t:
                for i in range(25):
                    chosen = "q" + "".join(random.choices(keys, k=7)) + random.choice((LEFT, HOME, END))
                    send_and_see(t, chosen)
                    shown = edited(t)
                    send_and_see(t, "\x0c")
                    check(t, shown == edited(t), f"{chosen!r} shows {shown}, not {edited(t)}, at {columns} columns")
                t.keys("\x03")
                t.wait_prompt()


# ---- Ctrl-C --------------------------------------------------------------------------------------

def test_interrupt():
    with Session() as t:
        t.type("let n = 0")
        for _ in range(3):
            t.keys("while true { n += 1 }\r")
            time.sleep(0.15)
            t.keys("\x03")
            t.wait_prompt()
            check(t, "interrupted" in t.text(), "nothing says that it was interrupted")
        check(t, t.type("n > 0") == "bool true", "what was computed is gone")
        t.keys("for i in progress(1..100000000, label: \"long\") { }\r")
        time.sleep(0.3)
        t.keys("\x03\x03\x03")
        t.wait_prompt()
        settle(t)
        t.keys("\x03")
        t.wait_prompt()
        check(t, t.type("let k = 5; k") == "int 5", "the session does not go on")


def test_interrupt_within_an_entry():
    """An expression that takes a minute stops at once, in machine code and in the interpreter."""
    with Session() as t:
        t.type("fn slow(x: f32[N, N]) -> f32[] { a = x; for i in 1..200 { a = tanh(a @ x) }; sum(a) }")
        t.type("let x = normal([2000, 2000], seed: 1) / 100")
        for backend in ("x86", "interp"):
            t.type(":backend " + backend)
            t.keys("slow(x)\r")
            settle(t, 0.5)
            t.keys("\x03")
            begun = time.time()
            t.wait(lambda: t.text().endswith("interrupted; all that was computed stays\ndnet>"), seconds=60)
            print(f"{backend} stops after {time.time() - begun:.2f} s")
        check(t, t.type("sum(ones([3]))") == "f32 3", "nothing runs after it")


def test_interrupt_within_a_launch():
    """One product that takes many seconds stops, too; its result is not assigned."""
    with Session() as t:
        t.type("let y = 5")
        t.type("let x = zeros([9000, 9000])")
        t.keys("y = number((x @ x)[0, 0])\r")
        settle(t, 1)
        before = time.time()
        t.keys("\x03")
        t.wait(lambda: t.text().endswith("interrupted; all that was computed stays\ndnet>"), seconds=60)
        taken = time.time() - before
        print(f"a product stops after {taken:.2f} s")
        check(t, taken < 4, f"a product went on for {taken:.2f} s")
        check(t, t.type("y") == "int 5", "a variable has the result of what was interrupted")


# ---- narrow terminals, pictures --------------------------------------------------------------------

def test_narrow():
    with Session(columns=40) as t:
        check(t, t.text().count("\n") == 1, "the greeting is wider than the terminal")
        t.type("let wide = reshape(iota([60], type: f32), 3, 20) * 1000 + 0.5")
        out = t.type("wide")
        check(t, all(len(line) <= 40 for line in out.split("\n")), "lines are longer than the terminal")
        out = t.type("plot([1, 3, 2])")
        check(t, all(len(line) <= 40 for line in out.split("\n")), "a plot is wider than the terminal")
        out = t.type("help")
        check(t, ":cost e\n      arithmetic, bytes and predicted\n      time of each kernel\n" in out,
              "the help is not wrapped between words")
        out = t.type("help relu") + t.type("?")
        check(t, "max(x, 0)" in out and "Type an expression" in out, "other ways to ask for help do nothing")
        long = "1 + " * 20 + "1"
        check(t, t.type(long).endswith("\nint 21"), "a line that wraps is not read")


def test_pictures():
    image = "show(reshape(iota([64], type: f32), 8, 8) / 63)"
    with Session() as t:
        out = t.type(image)
        check(t, out.strip() == "\n".join(["▀" * 8] * 4) and "\x1b[38;5;" in t.raw, "no blocks in 256 colours")
        t.screen.unknown = [u for u in t.screen.unknown if u != "c"]  # the question whether there is sixel
    with Session(env={"COLORTERM": "truecolor"}) as t:
        t.type(image)
        check(t, "\x1b[38;2;255;255;255m" in t.raw or "\x1b[48;2;255;255;255m" in t.raw, "no 24-bit colours")
        t.screen.unknown = [u for u in t.screen.unknown if u != "c"]
    with Session(env={"KITTY_WINDOW_ID": "1"}) as t:
        t.type(image)
        check(t, t.screen.graphics and t.screen.graphics[0].startswith("\x1b_Ga=T,f=24,s=512,v=512,m=1;"), "no kitty picture")
        check(t, t.screen.graphics[-1].startswith("\x1b_Gm=0;"), "the kitty picture does not end")
    with Session() as t:  # a terminal that says it has sixel
        t.keys(image + "\r")
        t.wait(lambda: "\x1b[c" in t.raw)
        t.keys("\x1b[?62;4;22c")
        t.wait_prompt()
        check(t, t.screen.graphics and t.screen.graphics[0].startswith('\x1bPq"1;1;512;512#16;2;0;0;0'), "no sixel picture")
        t.screen.unknown = [u for u in t.screen.unknown if u != "c"]
    # A portrait is as high as the terminal without the prompt's line, in cells of two pixels or of 8 x 16.
    tall = "show(reshape(iota([4000], type: f32), 200, 20) / 4000)"
    with Session(rows=12, env={"COLORTERM": "truecolor"}) as t:
        out = t.type(tall)
        check(t, out.strip() == "\n".join(["▀" * 2] * 11), "a tall picture is not as high as the terminal")
        t.screen.unknown = [u for u in t.screen.unknown if u != "c"]
    with Session(rows=12, env={"KITTY_WINDOW_ID": "1"}) as t:
        t.type(tall)
        check(t, t.screen.graphics[0].startswith("\x1b_Ga=T,f=24,s=18,v=176,"), "a tall picture of kitty's is not smaller")
        t.type(image)  # 8 x 8, twice as large again and again
        check(t, any(g.startswith("\x1b_Ga=T,f=24,s=128,v=128,") for g in t.screen.graphics), "made too large or too small")
    with Session() as t:
        out = t.type("for i in 1..5 { plot([for k in 1..i: k], live: true) }")
        check(t, out.count("|") == 12 and "        5 |" in out, "a live plot does not take the place of the one before")
    with Session(env={"NO_COLOR": "1"}) as t:
        out = t.type(image)
        check(t, "@" not in out and "#" in out and "%" in out, "no picture of characters")


def main():
    for name, function in sorted(globals().items()):
        if name.startswith("test_"):
            function()
    if failures:
        sys.exit(f"{failures} failures")
    print("the prompt works at a terminal")


main()
