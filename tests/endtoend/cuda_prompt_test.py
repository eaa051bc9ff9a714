"""The prompt and `dnet FILE` on a GPU (the simulated one): values carried over, definitions that change, errors after
which work goes on, what is short of memory, questions, and that no device is a message.
"""
import json
import os
import re
import signal
import subprocess

from endtoend import (BUILD, DNET, DNETC, HERE, check, check_in, environment, finish, folder, read, run_fails, run_ok, write)

LINE = os.path.join(HERE, "line.dnet")
GPU = {"DNET_CUDA_DRIVER": os.path.join(BUILD, "tests", "cudasim", "libcuda.so.1")}
NOWHERE = {"DNET_CUDA_DRIVER": "/nowhere/libcuda.so.1"}
MODEL = """net Net(x: f32[N, 3]) -> f32[N, 1] { x |> dense(4) |> tanh |> dense(1) }
model M = Net
step fit(x: f32[8, 3]) {
    loss = mean((dropout(M(x), 0.25) - 1) * (M(x) - 1))
    minimize loss over M with adam(0.1)
    return {loss}
}
let x = reshape(iota([24], type: f32), 8, 3) / 24
"""
PARAMETERS = "M.dense.kernel\nM.dense.bias\nM.dense_2.kernel\nM.dense_2.bias\n"


def session(text, *args, precision="f32", **changes):
    """All that the prompt says about the lines of `text`."""
    changes = {**GPU, **changes}
    done = subprocess.run([DNET, "--precision=" + precision, *args], input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=300, env=environment(**changes))
    check(done.returncode == 0, text, done.stdout)
    return done.stdout


def numbers(text):
    """Those in values that are shown; the lines about devices and errors have others."""
    lines = [line for line in text.splitlines() if not re.match(r"(cuda|x86|interp|error|  note|  hint)\b", line)]
    return [float(n) for n in re.findall(r"(?<![\w.])-?\d+\.\d+(?:e-?\d+)?", "\n".join(lines))]


def check_same(text, tolerance=2e-5, **changes):
    """The session's numbers are those that it has when everything runs on x86."""
    found = session(text, **changes)
    wanted = session(text.replace(":backend cuda", ":backend x86"))
    a, b = numbers(found), numbers(wanted)
    far = [(x, y) for x, y in zip(a, b) if not abs(x - y) <= tolerance * max(1, abs(y))]
    check(a and len(a) == len(b) and not far, far[:3], found, wanted)
    check("cuda, Simulated GPU sm_" in found, found)
    return found


# ---- values ----


def test_values_go_along():
    steps = "fit(x)\nfor i in 1..3 { fit(x) }\n" + PARAMETERS
    check_same(MODEL + steps + ":backend cuda\n" + steps + ":backend interp\n" + steps + ":backend cuda\n" + steps +
               ":backend x86\n" + steps)
    # First values, and results that are kept, are made there too; a parameter that was kept is not changed.
    check_same(":backend cuda\n" + MODEL + "let before = fit(x)\nlet kept = M.dense.kernel\nfit(x)\nlet y = M(x)\n"
               ":backend x86\nbefore\nkept\ny\nsum(y)\n:backend cuda\nfit(x)\nkept\nbefore\nsum(y)\n" + PARAMETERS)
    for order in ("overtake", "random:1"):
        check_same(MODEL + ":backend cuda\n" + steps + "M(x)\n" + steps, CUDASIM_ORDER=order)


def test_variables_stay():
    """In a loop the parameters are not copied: they alone are 160 kB."""
    text = ("net Wide(x: f32[N, 200]) -> f32[N, 200] { x |> dense(200) }\nmodel W = Wide\nlet x = ones([1, 200])\n"
            "step one(x: f32[1, 200]) { loss = mean(W(x))\n minimize loss over W with sgd(0.1)\n return {loss} }\n"
            "step two(x: f32[1, 200]) { loss = sum(W(x))\n minimize loss over W with sgd(0.1)\n return {loss} }\n"
            ":backend cuda\none(x)\ntwo(x)\n")
    counts = [json.loads(session(text + f"for i in 1..{n} {{ one(x)\n two(x) }}\n", CUDASIM_SUMMARY="1").splitlines()[-1])
              for n in (2, 22)]
    for key in ("bytes_to_device", "bytes_to_host"):
        more = counts[1][key] - counts[0][key]
        check(0 < more < 80000, key, more)


def test_definitions():
    """A parameter gets another type and the first one again, for which there is code already."""
    wide, narrow = ("net Net(x: f32[N, 3]) -> f32[N, 1] { x |> dense(4) |> tanh |> dense(%d) |> dense(1) }\n" % n
                    for n in (30, 2))
    look = "fit(x)\nM.dense.kernel\nM.dense_2.bias\nmean(M(x))\n"
    out = check_same(MODEL + ":backend cuda\n" + look + "".join(net + look + look for net in (narrow, wide, narrow, wide)))
    check_in("begins anew: M.dense_2.kernel f32[4, 30], which was f32[4, 2]", out)


# ---- errors ----


def test_errors():
    """An index outside a table, a NaN and a second kind of mistake: nothing has changed, and work goes on."""
    table = ("net Table(i: i32[N]) -> f32[N, 3] { embedding(i, 5, 3) }\nmodel T = Table\n"
             "step look(i: i32[2]) {\n    loss = mean(T(i) * T(i))\n    minimize loss over T with sgd(0.5)\n"
             "    return loss\n}\n:backend cuda\nlook(iota([2]))\n")
    out = check_same(table + "look(iota([2]) + 4)\nT.embedding.table\nlook(iota([2]))\nlook(iota([2]) - 1)\n"
                     "for i in 1..3 { look(iota([2])) }\nT.embedding.table\n")
    check_in("index 5 is outside 0..4 (rows of f32[5, 3])", out)
    check_in("index -1 is outside 0..4", out)
    out = check_same(MODEL + ":backend cuda\nfit(x)\nlet kept = M.dense.kernel\n:nan on\nfit(x)\nfit(log(x - 0.1))\n"
                     "fit(x)\nkept\n" + PARAMETERS + ":nan off\n:nan fit(x / 0)\nfit(x)\n")
    check(out.count("`log` of input:1:5 made nan at") == 1 and out.count("`div` of input:1:5 made") == 1, out)


def test_nan_without_gpu():
    """The same on the others, where a variable that somebody holds is kept while its step is watched."""
    for backend in ("x86", "interp"):
        text = MODEL + f":backend {backend}\nfit(x)\nlet kept = M.dense.kernel\n:nan on\n"
        out = session(text + "fit(log(x - 0.1))\nfit(x)\nkept\n" + PARAMETERS)
        check("made nan at" in out and numbers(out)[-17:] == numbers(session(text + "fit(x)\nkept\n" + PARAMETERS))[-17:], out)


def test_memory():
    """What does not fit beside the rest begins anew on the device; what does not fit alone is an error."""
    model = ("net Net{0}(x: f32[N, 100]) -> f32[N, 100] {{ x |> dense(100) }}\nmodel M{0} = Net{0}\n"
             "step fit{0}(x: f32[2, 100]) {{ loss = mean(M{0}(x) * M{0}(x))\n minimize loss over M{0} with sgd(0.1)\n"
             " return {{loss}} }}\n")
    text = (":backend cuda\nlet x = ones([2, 100])\n" + model.format(1) + "fit1(x)\nfit1(x)\n" + model.format(2) +
            "fit2(x)\nfit1(x)\nfit2(x)\nM1.dense.bias\nM2.dense.bias\nmean(M1.dense.kernel)\n")
    plenty, scarce = (session(text, CUDASIM_MEMORY=memory, CUDASIM_SUMMARY="1").splitlines()
                      for memory in ("1000000", "120000"))
    check(plenty[:-1] == scarce[:-1], plenty, scarce)
    opened = [json.loads(out[-1])["streams"] // 2 for out in (plenty, scarce)]
    check(opened == [1, 3], "fit2 has no room beside fit1, and then fit1 none beside fit2", opened)
    large = "sum(M1(ones([2000, 100])))\n"
    out = session(text + large + "fit1(x)\n:backend x86\n" + large, CUDASIM_MEMORY="120000")
    wanted = session(text.replace("cuda", "x86") + "fit1(x)\n" + large)
    check([round(n, 4) for n in numbers(out)] == [round(n, 4) for n in numbers(wanted)], out, wanted)
    check_in("error: input:1:1: the program needs ", out)
    check_in(" MiB of the GPU's memory: Simulated GPU sm_90 has 0.1 MiB", out)


def test_no_device():
    out = session(MODEL + "fit(x)\n:backend cuda\n:backend\nfit(x)\n", **NOWHERE)
    check_in("error: there is no NVIDIA driver\n  note: /nowhere/libcuda.so.1: cannot open", out)
    check_in("  hint: the session goes on with x86\nx86\nrecord\n  loss  f32 ", out)
    check_in("error: there is no GPU that CUDA can use\n  hint: the session goes on with interp\ninterp\n",
             session(":backend interp\n:backend cuda\n:backend\n", CUDASIM_DEVICES="0"))
    for args in (["--backend", "cuda"], ["--backend=cuda", "-c", "1 + 1"], ["--backend=cuda", LINE, "apply"]):
        run_fails(1, DNET, *args, cwd=HERE, **NOWHERE,
                  says=["error: there is no NVIDIA driver\n", "hint: --backend x86, which is the default, runs on the processor\n"])


# ---- questions ----


def test_questions():
    out = session(":backend cuda\n:backend\n:backend x86\n:backend\n", CUDASIM_SM="86", precision="bf16")
    check(out == "cuda, Simulated GPU sm_86, bf16\ncuda, Simulated GPU sm_86, bf16\nx86\n", out)
    check_in(", tf32\n", run_ok(DNET, "--backend", "cuda", "-c", ":backend", cwd=HERE, **GPU).out)
    text = MODEL + ":backend cuda\nfit(x)\n"
    trials = ":time fit(x)\n:check fit(x)\n:check mean(M(x))\n:nan fit(x)\n:grad mean(M(x))\n"
    out = session(text + trials + "fit(x)\n")
    check(out.splitlines()[-1] == session(text + "fit(x)\n").splitlines()[-1], "trials change nothing", out)
    for part in ("best ", "ok   x86 and cuda ", "ok   interp and cuda ", "ok   the gradient and finite differences",
                 "all finite\n"):
        check_in(part, out)
    # Once a GPU was used it takes part; what its matrix units round by is allowed for.
    out = session(text + ":backend x86\n:check M(x)\n:ptx mean(x)\n", precision="tf32")
    check(re.search(r"ok   x86 and interp .*\nok   x86 and cuda differ by [\d.e-]+ of the largest value\n", out), out)
    check_in(".target sm_90a", out)
    check("cuda" not in session(MODEL + ":check M(x)\n"), "no GPU was used")


def test_interrupt():
    """Ctrl-C ends a loop; what was computed stays."""
    process = subprocess.Popen([DNET], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=environment(**GPU))
    process.stdin.write(MODEL + ":backend cuda\nfor i in 1..1000000 { if i == 3 { print(\"going\") }\n fit(x) }\n")
    process.stdin.flush()
    while "going" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(PARAMETERS + ":backend x86\n" + PARAMETERS + "fit(x)\n")
    check(process.returncode == 0, out)
    check_in("interrupted; all that was computed stays", out)
    found = numbers(out)
    check(len(found) == 2 * (len(found) // 2) + 1 and found[:len(found) // 2] == found[len(found) // 2:-1], out)


# ---- a file ----


def test_same_bits_as_compiled():
    """`dnet FILE` is what the compiled program is, and a run of one is resumed by the other."""
    program = os.path.join(folder(), "line")
    flags = ["--steps", 9]
    run_ok(DNETC, LINE, "-target", "cuda:sm_90a", "-o", program, cwd=folder())
    for watched in ([], ["--check-nan"]):
        compiled, here = folder(), folder()
        run_ok(program, "fit", *flags, cwd=compiled, **GPU)
        run_ok(DNET, "--backend=cuda", *watched, LINE, "fit", *flags, cwd=here, **GPU)
        check(read(os.path.join(compiled, "fit.ckpt")) == read(os.path.join(here, "fit.ckpt")), watched)
        values = [run_ok(*how, "apply", cwd=cwd, **GPU).out for cwd in (compiled, here)
                  for how in ([program], [DNET, "--backend=cuda", LINE])]
        check(len(set(values)) == 1, values)


def test_file():
    cwd = folder()
    on_gpu = [DNET, "--backend", "cuda"]
    result = run_ok(*on_gpu, "--profile", "--trace=trace.json", LINE, "fit", "--steps", 3, cwd=cwd, **GPU)
    for part in ("profile of line", "fit_step", "compiling                         1", "pinned, on host", "at 1024.0 GFLOP/s"):
        check_in(part, result.err)
    check(os.path.getsize(os.path.join(cwd, "trace.json")) > 1000)
    check_in("  --device DEVICE  cpu, cuda or a GPU's number (default: cuda)\n", run_ok(*on_gpu, LINE, "fit", "--help", cwd=cwd).out)
    check("--device" not in run_ok(DNET, LINE, "fit", "--help", cwd=cwd).out)
    run_ok(*on_gpu, LINE, "fit", "--steps", 2, "--overwrite", "--device=cpu", cwd=cwd, **NOWHERE)
    run_fails(1, *on_gpu, LINE, "fit", "--device=1", cwd=cwd, **GPU, says=["error: there is no GPU number 1: CUDA shows 1"])
    run_fails(1, *on_gpu, LINE, "fit", "--device=gpu", cwd=cwd, **GPU,
              says=["error: --device is cpu, cuda or the number of a GPU, not gpu\n"])
    run_fails(1, *on_gpu, "--max-memory=1000", LINE, "fit", "--overwrite", cwd=cwd, **GPU, says=[" on the GPU"])


def test_replay():
    cwd = folder()
    write(os.path.join(cwd, "bad.dnet"), MODEL.split("let x")[0] +
          "command main() { for i in 1..3 { fit(log(ones([8, 3]) * (2 - i))) } }\n")
    run_fails(1, DNET, "--backend=cuda", "--check-nan", "bad.dnet", "main", cwd=cwd, **GPU, says=["`log` of bad.dnet:8:38 made -inf at"])
    run_fails(1, DNET, "--backend=cuda", "--replay", "nan.safetensors", "bad.dnet", cwd=cwd, **GPU,
              says=["`log` of bad.dnet:8:38 made -inf at"])


def main():
    for name, function in sorted(globals().items()):
        if name.startswith("test_"):
            function()
    finish()


main()
