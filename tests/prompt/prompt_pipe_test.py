"""The prompt from a pipe: values, questions, definitions that change, errors. Needs no terminal.

prompt_pipe_test.py BUILD_DIR      (Debian's python3 alone)
"""
import gzip
import os
import struct
import subprocess
import sys
import tempfile
import zlib

DNET = os.path.join(os.path.abspath(sys.argv[1]), "dnet")
failures = 0


def run(text, *args, cwd=None, env=None):
    done = subprocess.run([DNET, *args], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, cwd=cwd, timeout=120, env=dict(os.environ, **(env or {})))
    return done.returncode, done.stdout


def fail(what, got):
    global failures
    failures += 1
    lines = got.splitlines()
    print(f"{what}:\n    " + "\n    ".join(lines[:30] + ["..."] * (len(lines) > 30)))


def expect(text, *wanted, args=(), code=0, absent=(), cwd=None):
    """All of `wanted` are in the output, in this order; none of `absent`."""
    found_code, out = run(text, *args, cwd=cwd)
    if found_code != code:
        fail(f"code {found_code} instead of {code} for {text!r}", out)
    at = 0
    for want in wanted:
        found = out.find(want, at)
        if found < 0:
            fail(f"{text!r} does not say {want!r}" + (" there" if want in out else ""), out)
            return
        at = found + len(want)
    for text_not in absent:
        if text_not in out:
            fail(f"{text!r} says {text_not!r}", out)


# ---- values --------------------------------------------------------------------------------------

def test_values():
    expect("1 / 3\n7 div 2\n\"a b\"\n1 < 2\n[1, 2.5]\n1..3\nnone\n",
           'float 0.3333333333333333\nint 3\nstring "a b"\nbool true\nlist [1, 2.5]\nrange 1..3\n')
    expect("ones([2])\n", "f32[2] [1, 1]\n")
    expect("reshape(iota([6], type: f32), 2, 3) * 5\n", "f32[2, 3]\n[[ 0,  5, 10],\n [15, 20, 25]]\n")
    expect("ones([2, 2, 1])\n", "f32[2, 2, 1]\n[[[1],\n  [1]],\n\n [[1],\n  [1]]]\n")
    expect("softmax(iota([3], type: f32))\n", "f32[3] [0.0900, 0.2447, 0.6652]\n")
    expect("ones([2]) / 3e6\n", "f32[2] [3.3333e-07, 3.3333e-07]\n")
    expect("iota([3], type: f32) / 0 - 1\n", "f32[3]  1 nan, 2 inf\n[nan, inf, inf]\n")
    expect("iota([2], type: f32) < 1\n", "bool[2] [ true, false]\n")
    expect("iota([40])\n", "18, 19,\n 20, 21")  # a line is no longer than 80 characters


def test_large_values():
    expect("normal([100, 50], seed: 1)\n", "f32[100, 50]  min ", "  mean ", "  max ", "  std ", "...,\n")
    expect("iota([2000])\n", "i32[2000]  min 0  mean 999.5  max 1999  std 577.4\n",
           "[   0,    1,    2, ..., 1997, 1998, 1999]\n")
    code, out = run("normal([64, 28, 28, 1], seed: 1)\n")
    if out.count("\n") > 80:
        fail("a batch of images takes more than a screen", out)
    expect(":set threshold 3\n:set edge 1\n:set precision 1\niota([4], type: f32) / 3\n", "[0, ..., 1]\n")
    expect(":set precision 99\n:set nonsense 1\n", "precision is a number from 0 to 16",
           "there is no setting `nonsense`")


def test_tables():
    expect("{a: 1, long: ones([1]), c: {d: 2}}\n",
           "record\n  a     int 1\n  long  f32[1] [1]\n  c     record {d: 2}\n")
    expect("[for i in 1..30: {step: i, loss: i / 4}]\n", "list of 30 records\n       step  loss\n    0     1  0.25\n",
           "  ...   ...   ...\n", "   29    30   7.5\n")


def test_lists():
    expect("[ones([2]), zeros([30, 30])]\n[[1], [2]]\n",
           "list of 2\n  f32[2] [1, 1]\n  f32[30, 30]  min 0  mean 0  max 0  std 0\n", "list of 2\n  list [1]\n")
    expect('{a: "x\\ny"}\n"say \\"hi\\""\n', '  a  string "x\\ny"\n', 'string "say \\"hi\\""\n')
    expect(":doc print\n", "command print(a: any", absent=("extern",))


def test_networks():
    text = ("net Net(z: f32[N, Z]) -> f32[N, 10] { z |> dense(8) |> relu |> batch_norm |> dense(10) }\n"
            "model M = Net\nM\nM(ones([2, 4]))\nM\n")
    expect(text, "model M = Net(f32[N, Z])\n", "layer       output      parameters", "dense       f32[N, 8]      8*Z + 8",
           "relu", "batch_norm  f32[N, 8]           16", "dense_2     f32[N, 10]          90", "in all 106 parameters",
           "16 of running state",
           "dense       f32[N, 8]           40     72    32 B", "in all 146 parameters (584 B)")
    expect("dense\n", "net dense(x: T[...B, I], units: int", "activation(x @ kernel + bias)")


def test_parameters():
    net = "net Net(x: f32[N, 2]) -> f32[N, 3] { x |> dense(3) }\nmodel M = Net\n"
    expect(net + "M.dense.bias\nM(ones([1, 2])) * 0\nM.dense.bias\n:type M.dense.kernel\nhist(M.dense.bias)\n",
           "the model `M` has no parameter `dense.bias`", "a call, `M(x)`, makes its parameters", "f32[3] [0, 0, 0]\n",
           "f32[2, 3]\n", "█ 3\n")
    expect(net + "M(ones([1, 2])) * 0\n:nan log(M.dense.bias)\n:grad sum(M.dense.kernel)\n",
           "`log` of input:1:1 made -inf at [0]", "what went in: M.dense.bias f32[3] 0", "M.dense.kernel  f32[2, 3]")
    # A model that changed has the parameters that its next call gives it.
    expect(net + "M(ones([1, 2])) * 0\nnet Net(x: f32[N, 2]) -> f32[N, 4] { x |> dense(4) }\nM.dense.bias\n"
           "M(ones([1, 2])) * 0\nM.dense.bias\n", "has no parameter `dense.bias`", "f32[4] [0, 0, 0, 0]")


def test_datasets():
    """A dataset is no tensor: the messages say what to write, which works."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "data")
    data = (f'let d = idx("{folder}/t10k-images-idx3-ubyte.gz", labels: "{folder}/t10k-labels-idx1-ubyte.gz")\n'
            f'let i = idx("{folder}/t10k-images-idx3-ubyte.gz")\n')
    hint = "hint: a loop goes through a dataset: for {image, label} in data |> take(1) { "
    for wrong, then in (("show(d)", "show(image) }"), ("hist(d)", "hist(image) }"), ("d[0]", "... }"), ("d + 1", "... }"),
                        ("d.image", "... }"), ("sum(d)", "... }"), ("let {image, label} = d", "... }")):
        expect(data + wrong + "\n", "error: ", hint + then)
    expect(data + "net Net(x: f32[N, 28, 28, 1]) { x |> dense(1) }\nmodel M = Net\nM(i)\n", "not dataset of",
           "for image in data |> take(1) { ... }")
    expect(data + "show(i)\n", "for image in data |> take(1) { show(image) }")
    expect(data + "for {image, label} in d |> take(1) { show(image) }\n", "image of 28 x 28 pixels", absent=("error",))


def test_help_trains():
    """What `help train` shows works as it stands, with files in the place of IMAGES and LABELS."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "data")
    code, out = run("help train\n")
    lines = out[out.index("let data"):].replace("IMAGES", folder + "/t10k-images-idx3-ubyte.gz") \
        .replace("LABELS", folder + "/t10k-labels-idx1-ubyte.gz")
    with tempfile.TemporaryDirectory() as own:
        code, out = run(lines, "-e", cwd=own)
        accuracy = [line for line in out.splitlines() if line.startswith("f32 ") or line.startswith("0.") or line == "1"]
        if code != 0 or not accuracy or float(accuracy[-1].split()[-1]) < 0.8:
            fail("`help train` does not train", out)
        if not os.path.exists(os.path.join(own, "net.safetensors")):
            fail("`help train` saves nothing", out)
    expect("command train() { 7 }\nhelp train\n", "command train()", absent=("A classifier",))


# ---- scripting -----------------------------------------------------------------------------------

def test_scripting():
    expect("", "int 4\n", args=("-c", "2 + 2"))
    expect("", "there is no value", args=("-c", "nothing"), code=1)
    expect("1\n\nnothing\n2\n", "int 1\n", "there is no value called `nothing`", "dnet: stopped at line 3\n",
           args=("-e",), code=1, absent=("int 2",))
    expect("fn f(x: f32[N]) {\n  y\n}\n3\n", "dnet: stopped at line 1\n", args=("-e",), code=1, absent=("int 3",))
    expect("check(1 > 2, \"no\")\n", "error: input:1:1: no", "stopped at line 1", args=("-e",), code=1)
    expect(":nonsense\n", "there is no question :nonsense", "stopped at line 1", args=("-e",), code=1)
    expect("nothing\n3\n", "int 3\n")
    expect("1\nquit\n2\n", "int 1\n", absent=("int 2",))
    expect("let quit = 3\nquit\n", "int 3\n")
    expect("1\nquit()\n2\n", "int 1\n", absent=("int 2",))
    expect("help relu\nhelp(:cost)\n?\n", "max(x, 0)", ":cost e", "Type an expression")
    expect("let help = 3\nhelp + 1\n", "int 4\n")


# ---- questions -----------------------------------------------------------------------------------

MODEL = """const batch = 8
net Net(x: f32[N, 4]) -> f32[N, 2] { x |> dense(8) |> relu |> dense(2) }
model M = Net
fn loss_of(x: f32[N, 4], y: f32[N, 2]) -> f32[] { mse(M(x), y) }
step fit(x: f32[batch, 4], y: f32[batch, 2]) {
    loss = loss_of(x, y)
    minimize loss over M with adam(lr: 1e-2)
    return {loss}
}
let x = uniform([8, 4], seed: 1)
let y = uniform([8, 2], seed: 2)
"""


def test_questions():
    expect("help\n", "Type an expression", ":type e", ":quit")
    expect(":help check\n", ":check e", "parameters are put back")
    expect(":type ones([2, 3])\n:shape ones([2, 3])\n:type {a: 1}\n:type relu\n",
           "f32[2, 3]\n[2, 3]\n{a: int}\nfn relu(x: T[...S]) -> T[...S]\n")
    expect(":shape 3\n", "`3` is no tensor of known shape")
    expect(":doc conv2d\n", "net conv2d(x: T[N, H, W, C], filters: int", "Convolution of images")
    expect(":source adam\n", "// stdlib/optimizers.dnet:", "optimizer adam(", "state m: T[...S] = zeros_init")
    expect(":doc cov2d\n", "there is no definition of `cov2d`", "did you mean `conv2d`?")
    expect(":tpe 1\n", "there is no question :tpe", "did you mean :type?")
    expect(":type\n", "an expression is missing")
    expect("let x = ones([2])\n:graph x + 1\n", "graph @\"prompt", "add")
    expect("let x = ones([2])\n:graph --dot x + 1\n", "digraph", "label=\"x\\nf32[2]\"", "->")
    expect("let x = ones([2])\n:kernel exp(x)\n:asm exp(x)\n", "kernel", ".text", "ret")
    expect(MODEL + ":graph fit\n:memory fit\n:cost fit\n", "graph @fit", "memory of fit", " kFLOP ", " kB ", "limit ")
    expect(":graph 1 + 1\n", "nothing in `1 + 1` is tensor code")
    # A net or function alone: its graph has symbols for sizes; what needs numbers says so.
    expect(MODEL + ":graph M\n:graph Net\n:graph loss_of\n:graph --dot M\n:graph relu\n", "graph @Net {", "f32[N, 4]",
           "M.dense.kernel", "f32[N, 2]\n  return", "graph @Net {", "graph @loss_of {", "reduce_sum", "digraph \"Net\"",
           "what `relu` does depends on the sizes")
    expect(MODEL + ":cost M\n:memory loss_of\nstep open(x: f32[N, 4]) { return {y: M(x)} }\n:cost open\n"
           ":cost M(zeros([3, 4]))\n", "`M` has no sizes by itself: it takes x: f32[N, 4]", "as M(zeros([N, 4]))",
           "as loss_of(zeros([N, 4]), zeros([N, 2]))", "as open(zeros([N, 4]))", " FLOP ", " 342.000 ")
    expect("", "--backend is x86, interp or cuda, not gpu", args=("--backend", "gpu"), code=2)
    expect(MODEL + ":vars\n", "x  f32[8, 4]", "model M = Net", "step fit(")
    expect(":backend\n:backend interp\n:backend\n:backend gpu\n", "x86\ninterp\n",
           "the backends are x86, interp and cuda, not `gpu`")
    expect(":type M\n", "there is no value called `M`")
    expect("let a = 3\n:type a\na\n", "int\nint 3\n")


def test_numbers():
    expect(MODEL + ":grad loss_of(x, y)\n", "over", "norm", "M.dense.kernel    f32[4, 8]", "x                 f32[8, 4]")
    expect(MODEL + ":grad M(x)\n", "a gradient is one of a single float")
    expect(MODEL + ":check loss_of(x, y)\n", "ok   x86 and interp", "ok   the gradient and finite differences in f64")
    # A gradient that is wrong is found: stop_gradient hides a factor.
    expect("let x = ones([3])\n:check sum(x * stop_gradient(x))\n", "BAD  the gradient and finite differences", "there is a stop_gradient")
    expect(MODEL + ":check M(x)\n", "ok   x86 and interp", "no gradient")
    expect(MODEL + "fit(x, y)\n:time fit(x, y)\n:check fit(x, y)\n:backend interp\n:backend\n",
           "best ", " runs\n", "ok   x86 and interp", "interp\n")
    # Trials change nothing.
    _, with_trials = run(MODEL + "fit(x, y)\n:time fit(x, y)\n:check fit(x, y)\n:nan fit(x, y)\nfit(x, y)\n")
    _, without = run(MODEL + "fit(x, y)\nfit(x, y)\n")
    if with_trials.splitlines()[-1] != without.splitlines()[-1]:
        fail("trials change parameters", with_trials + without)


def test_backends():
    """Values are carried over; both give the same to a few digits."""
    _, out = run(MODEL + "fit(x, y)\n:backend interp\nfit(x, y)\n:backend x86\nfit(x, y)\n")
    _, alone = run(MODEL + "fit(x, y)\nfit(x, y)\nfit(x, y)\n")

    def losses(text):
        return [float(line.split()[-1]) for line in text.splitlines() if "loss" in line]
    if len(losses(out)) != 3 or any(abs(a - b) > 1e-4 * b for a, b in zip(losses(out), losses(alone))):
        fail("another backend, other values", out + alone)


def test_nan():
    text = "let x = iota([3], type: f32) - 1\n"
    expect(text + ":nan sqrt(x) * 2\n", "`sqrt` of input:1:1 made nan at [0]", "what went in: f32[3] -1")
    expect(text + ":nan exp(x)\n", "all finite")
    expect(text + "max_pool2d(ones([1, 4, 4, 1]), kernel: 3, padding: same)\n:nan max_pool2d(ones([1, 4, 4, 1]), "
           "kernel: 3, padding: same)\n", "all finite")
    expect(text + ":nan on\nlog(x)\n:nan off\nlog(x)\n", "watched", "error: ", "`log` of input:1:1 made nan",
           "not watched", "f32[3]  1 nan, 1 inf")
    program = MODEL.split("let x")[0].replace("return {loss}", "return {loss: loss / 0}") + """
command main() {
    let x = uniform([8, 4], seed: 1)
    for i in 1..3 { log fit(x, uniform([8, 2], seed: 2)) }
}
"""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "t.dnet"), "w") as file:
            file.write(program)
        expect("", "step 1  loss inf", args=("t.dnet", "main"), cwd=folder)
        expect("", "`div` of t.dnet:8:19 made inf, in run 1 of fit", "what went in:", "nan.safetensors has",
               args=("--check-nan", "t.dnet", "main"), cwd=folder, code=1)
        expect("", "safetensors", args=("-c", 'restore("nan.safetensors")'), cwd=folder, code=1)
        # Nothing has changed, also of a parameter that a name of the prompt holds, too.
        expect("let x = ones([8, 4])\nlet y = ones([8, 2])\nlet w = M.dense.kernel\nlet b = M.dense.bias + 0\n:nan on\n"
               "fit(x, y)\nmax(abs(M.dense.kernel - w))\nmax(abs(M.dense.bias - b))\n", "`div` of t.dnet:8:19 made inf",
               "f32 0\n", "f32 0\n", args=("-i", "t.dnet"), cwd=folder)


def gray_png(path, value):
    """4 x 4 pixels of one value."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0)) +
                   chunk(b"IDAT", zlib.compress((b"\0" + bytes([value] * 4)) * 4)) + chunk(b"IEND", b""))


IMAGES = """net Net(x: f32[N, 4, 4, 1]) -> f32[N, 2] { x |> flatten |> dense(2) }
model M = Net
step fit(image: f32[2, 4, 4, 1], label: i32[2]) {
    loss = mean(log(image)) + cross_entropy(M(image) + normal([2, 2]), label)
    minimize loss over M with sgd(lr: 1e-2)
    return {loss}
}
command main() {
    let images = image_folder("images", size: [4, 4], channels: 1, labels: true) |> shuffle |> batch(2)
    for {image, label} in images { log fit(image, label) }
}
"""


def test_nan_of_images():
    """The images of the batch are named; what the step was given is written, and gives the same NaN again."""
    with tempfile.TemporaryDirectory() as folder:
        for i in range(6):
            os.makedirs(os.path.join(folder, "images", f"c{i % 2}"), exist_ok=True)
            gray_png(os.path.join(folder, "images", f"c{i % 2}", f"{i}.png"), 0 if i == 3 else 10 * i + 1)
        with open(os.path.join(folder, "t.dnet"), "w") as file:
            file.write(IMAGES)
        with open(os.path.join(folder, "mended.dnet"), "w") as file:
            file.write(IMAGES.replace("log(image)", "log(image + 1)"))
        with open(os.path.join(folder, "other.dnet"), "w") as file:
            file.write(IMAGES.replace("fit(image: f32[2,", "fit(image: f32[N,").replace("batch(2)", "batch(3)")
                       .replace("normal([2, 2])", "0").replace("label: i32[2]", "label: i32[N]"))
        _, out = run("", "--check-nan", "t.dnet", "main", cwd=folder)
        first = out[out.find("`log`"):].splitlines()[0] if "`log`" in out else out
        if "`log` of t.dnet:4:17 made -inf at [" not in first or "in run " not in first:
            fail("the operation is not told", out)
        names = out.split("the loop over data was at ")[-1].splitlines()[0].split(", ")
        if len(names) != 2 or names[int(first.split(" at [")[1][0])] != "c1/3.png":
            fail(f"{names} are not the images of the batch", out)
        expect("", first, "what went in: f32[2, 4, 4, 1] 0", args=("--replay", "nan.safetensors", "t.dnet"),
               cwd=folder, code=1)
        expect("", "of fit, repeated: all finite\n", args=("--replay", "nan.safetensors", "mended.dnet"), cwd=folder)
        expect("", "`fit` takes something else now: input image is f32[2, 4, 4, 1] in the file, but f32[3, 4, 4, 1]",
               args=("--replay", "nan.safetensors", "other.dnet"), cwd=folder, code=1)
        expect(":nan replay nan.safetensors\n", first, args=("-i", "t.dnet"), cwd=folder)
        expect(":nan replay nan.safetensors\n", "nothing in the program is called `fit`", cwd=folder)
        os.unlink(os.path.join(folder, "nan.safetensors"))
        expect(":nan on bad.safetensors\nmain()\n:nan off\n:nan replay bad.safetensors\n", "is written to bad.safetensors",
               "c1/3.png", "bad.safetensors has what", "not watched", first, args=("-i", "t.dnet"), cwd=folder)
        expect(":nan replay\n:nan replay missing\n", ":nan replay takes a file", "missing: No such file", cwd=folder)
        expect("save_weights(\"w.safetensors\")\n:nan replay w.safetensors\n", "is no file that --check-nan", cwd=folder)
        expect("", "--replay needs the program", args=("--replay", "bad.safetensors"), cwd=folder, code=2)


# ---- definitions that change -----------------------------------------------------------------------

def test_redefinition():
    expect("fn f(x: f32[N]) -> f32[N] { 2 * x }\nfn g(x: f32[N]) -> f32[N] { f(x) + 1 }\ng(ones([1]))\n"
           "fn f(x: f32[N]) -> f32[N] { 3 * x }\ng(ones([1]))\n", "[3]\n", "rebuilt: g\n", "[4]\n")
    expect("const k = 2\nfn f(x: f32[N]) -> f32[N] { k * x }\nconst k = 5\nf(ones([1]))\n", "rebuilt: f\n", "[5]\n")
    expect("command c() { print(\"one\") }\ncommand d() { c() }\nd()\ncommand c() { print(\"two\") }\nd()\n",
           "one\n", "rebuilt: d\n", "two\n")
    # The loss changes, the parameters and the optimizer's state stay.
    expect(MODEL + "fit(x, y)\nlet before = M(x)\n"
           "fn loss_of(x: f32[N, 4], y: f32[N, 2]) -> f32[] { mean(abs(M(x) - y)) }\nsum(abs(before - M(x)))\n"
           "fit(x, y)\n", "rebuilt: fit\n", "f32 0\n", "loss", absent=("begins anew",))
    # A layer becomes wider: what has another shape begins anew, the rest stays.
    wider = "net Net(x: f32[N, 4]) -> f32[N, 2] { x |> dense(8) |> relu |> dense(16) |> dense(2) }\n"
    expect(MODEL + "fit(x, y)\n" + wider, "rebuilt: M, loss_of, fit\n",
           "begins anew: M.dense_2.kernel f32[8, 16], which was f32[8, 2]\n", absent=("M.dense.kernel",))
    narrow = "net Net(x: f32[N, 4]) -> f32[N, 2] { x |> dense(2) }\n"
    expect(MODEL + "fit(x, y)\n" + narrow, "begins anew: M.dense.kernel", "gone: M.dense_2.kernel f32[8, 2]\n")
    with tempfile.TemporaryDirectory() as folder:  # what is gone is not saved
        run(MODEL + "fit(x, y)\n" + narrow + "save_weights(\"w.safetensors\")\n", cwd=folder)
        with open(os.path.join(folder, "w.safetensors"), "rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            header = file.read(length).decode()
        if "dense_2" in header or "M.dense.kernel" not in header:
            fail("what a model does not have any more is saved", header)


def test_random_numbers_go_on():
    """A step or command that is defined anew goes on with its random numbers, and so do those that use it."""
    draw = "step draw(x: f32[N]) { return {x: x * uniform([N])} }\n"
    say = "command say() -> f32[2] { uniform([2]) }\n"
    call, other = "draw(ones([2])).x\n", "draw(ones([1])).x\n"
    _, plain = run(draw + say + 4 * call + 3 * "say()\n" + other)
    _, anew = run(draw + say + call + call + draw + call + ":time " + call + "const k = 1\n" +
                  draw.replace("x *", "k * x *") + "const k = 1\n" + call + "say()\n" + say + "say()\nsay()\n")
    lines = [line for line in anew.splitlines() if line.startswith("f32")]
    if lines != plain.splitlines()[:7] or len(set(lines)) != 7:
        fail("random numbers begin anew", plain + anew)
    # Another shape of the same definition has a row of its own, as in a file.
    _, mixed = run(draw + call + other)
    if mixed.splitlines()[-1] != plain.splitlines()[-1]:
        fail("another shape does not begin at the beginning", mixed + plain)


def test_what_does_not_fit():
    other = "net Net(x: f32[N, 4]) -> f32[N, 3] { x |> dense(8) |> relu |> dense(3) }\n"
    same = "net Net(x: f32[N, 4]) -> f32[N, 2] { x |> dense(8) |> relu |> dense(2) }\n"
    expect(MODEL + "fit(x, y)\n" + other + "fit(x, y)\n" + same + "fit(x, y)\n",
           "error: ", "does not fit any more: loss_of, fit\n", "error: ", "not f32[8, 2]",
           "rebuilt: M, loss_of, fit\n", "loss")
    # A definition that is wrong itself changes nothing.
    expect(MODEL + "fit(x, y)\nlet before = M(x)\nnet Net(x: f32[N, 4]) -> f32[N, 2] { x |> dense(nothing) }\n"
           "sum(abs(before - M(x)))\nfit(x, y)\n", "there is no value called `nothing`", "f32 0\n", "loss",
           absent=("rebuilt", "begins anew"))
    # Nor does a use that is wrong settle shapes.
    expect("net Net(x: f32[N, I]) -> f32[N, 1] { x |> dense(1) }\nmodel M = Net\nM(ones([1, 5])) + ones([3, 3, 3]) @ 2\n"
           "M(ones([1, 2]))\n", "error: ", "f32[1, 1]\n")


def test_failures_keep_what_was_there():
    expect("let x = 5\nlet x = idx(\"missing\")\nx\n", "cannot be opened", "int 5\n")
    expect("let a = 1; let b = idx(\"missing\")\na\nb\n", "int 1\n", "there is no value called `b`")
    expect("let n = 0\nfor i in 1..5 { n += i; check(i < 3) }\nn\n", "a check failed", "int 6\n")
    expect("for i in 1..3 { let inner = i }\ninner\ni\n", "no value called `inner`", "no value called `i`")


def test_trials_leave_nothing():
    """A loop over shuffled data begins with its first epoch, whatever a trial left in the loop's place."""
    data = ('let data = idx("images.gz", shape: [2, 2, 1]) |> shuffle |> batch(4)\n'
            "for x in data |> take(1) { print(sum(x)) }\n")
    with tempfile.TemporaryDirectory() as folder:
        with gzip.open(os.path.join(folder, "images.gz"), "wb") as file:
            file.write(struct.pack(">IIII", 0x803, 40, 2, 2) + bytes(range(160)))
        first, second = data.splitlines(True)
        _, plain = run(first + second, cwd=folder)
        _, tried = run(first + ":time let n = 3\n:check let n = 5\n" + second, cwd=folder)
        if plain.splitlines()[-1] != tried.splitlines()[-1] or "error" in plain:
            fail("a trial changes the order of data", plain + tried)


# ---- files ---------------------------------------------------------------------------------------

def test_files():
    with tempfile.TemporaryDirectory() as folder:
        def write(name, text):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        write("m.dnet", MODEL.split("let x")[0] + "fn old(x: f32[N]) -> f32[N] { x }\n")
        write("change.py", "import sys\ntext = open('m.dnet').read()\n")
        first = ":load m.dnet\nlet x = uniform([8, 4], seed: 1)\nlet y = uniform([8, 2], seed: 2)\nfit(x, y)\n"
        expect(first + "old(ones([1]))\n", "m.dnet is loaded\n", "loss", "f32[1] [1]", cwd=folder)
        expect("", "f32[1, 2]\n", args=("-c", "M(ones([1, 4]))", "m.dnet"), cwd=folder, absent=("loaded",))
        expect("", "memory of fit", args=("-c", ":memory fit", "m.dnet"), cwd=folder)
        expect("old(ones([1]))\n", "f32[1] [1]", args=("-i", "m.dnet"), cwd=folder)
        expect("", "missing.dnet", args=("-c", "1", "missing.dnet"), cwd=folder, code=1)
        expect("", "a value is missing after -c", args=("-c",), cwd=folder, code=2)
        expect(":load missing.dnet\n1\n", "missing.dnet", "int 1", cwd=folder)
        expect(":reload\n", "no file was loaded yet", cwd=folder)

        # While the session runs, the file changes.
        with subprocess.Popen([DNET], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, cwd=folder) as process:
            process.stdin.write(first + "let before = M(x)\n\"ready\"\n")
            process.stdin.flush()
            out = ""
            while '"ready"' not in out:
                out += process.stdout.readline()
            changed = MODEL.split("let x")[0].replace("mse(M(x), y)", "mae(M(x), y)")
            write("m.dnet", changed.replace("mae(M(x), y)", "mean(abs(M(x) - y))"))
            out, _ = process.communicate("reload\nsum(abs(before - M(x)))\nfit(x, y)\nold(ones([1]))\n")
        for want in ("gone: old\n", "f32 0\n", "loss", "there is no function called `old`"):
            if want not in out:
                fail(f"reload does not say {want!r}", out)

        expect(MODEL + "let n = 3\nn = n + 1\nfor i in 1..3 { fit(x, y) }\nfit(x, y)\n:save s.dnet\n", "wrote s.dnet",
               cwd=folder)
        _, one = run(MODEL + "for i in 1..3 { fit(x, y) }\nfit(x, y)\nM(x)\n", cwd=folder)
        _, two = run(":load s.dnet\nM(x)\nn\n", cwd=folder)
        if one.splitlines()[-8:] != two.splitlines()[-9:-1] or "int 4" not in two:
            fail("a session that was saved and loaded has other values", one + two)
        expect("", args=("s.dnet", "session"), cwd=folder)
        expect(":save /nowhere/s.dnet\n1\n", "/nowhere/s.dnet", "int 1", cwd=folder)


# ---- pictures ------------------------------------------------------------------------------------

def png_size(path):
    with open(path, "rb") as file:
        head = file.read(24)
    return struct.unpack(">II", head[16:24]) if head.startswith(b"\x89PNG") else None


def test_pictures():
    with tempfile.TemporaryDirectory() as folder:
        expect("plot([3, 1, 2], path: \"p.png\")\nhist(ones([4]), path: \"h.png\")\n"
               "show(reshape(iota([784], type: f32), 28, 28), path: \"s.png\")\nshow(ones([4, 8, 8, 3]))\n",
               "        3 |", "        1 |", "4\n", "image of 18 x 18 pixels", cwd=folder)
        for name, size in (("p.png", (640, 400)), ("h.png", (640, 400)), ("s.png", (28, 28))):
            if png_size(os.path.join(folder, name)) != size:
                fail("another picture", name)
    expect("plot([for i in 1..9: {loss: 1 / i, accuracy: i}])\n", "loss  accuracy")
    expect("plot({a: [1, 2], b: [2, 1]})\nplot(ones([2, 5]))\n", "a  b", "      1.5 |")
    expect("plot(\"text\")\nplot([1, none])\nhist(\"x\")\nshow(ones([5]))\n", "numbers over time", "numbers over time",
           "a tensor or a list of numbers", "expected [N, H, W, C]")
    expect("hist(iota([4], type: f32) / 0, bins: 3)\n", "4 nan or inf left out")


def main():
    for name, function in sorted(globals().items()):
        if name.startswith("test_"):
            function()
    if failures:
        sys.exit(f"{failures} failures")
    print("the prompt answers as it should")


main()
