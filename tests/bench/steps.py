"""Time of a whole training step: dnet, PyTorch, PyTorch compiled, JAX."""
import os
import statistics

import tools

# What it is; GFLOP a step; rounds; steps that count in each; the same for --quick.
WORKLOADS = {
    "seed28": ("the article's GAN, 28x28x1, batch 64", 14.8, (4, 10), (1, 4)),
    "dcgan64": ("DCGAN, 64x64x3, batch 128", 293.0, (3, 3), (1, 1)),
    "lenet128": ("the LeNet classifier, 28x28x1, batch 128", 3.405, (4, 20), (1, 5)),
}

# Constants that make a step repeatable elsewhere: no noise of its own.
REPEATABLE = {"seed28": {"noise_seed": 7}, "dcgan64": {"noise_seed": 7}, "lenet128": {"drop": "0.0"}}


def dnet(name):
    program = tools.compile_dnet(name)
    return lambda steps: tools.run_measured(program, "bench", "--steps", str(steps), "--threads", str(tools.THREADS))


def script(file, name, *more):
    path = os.path.join(tools.HERE, file)
    return lambda *options: tools.run(
        tools.PYTHON, path, name, "--threads", str(tools.THREADS), *more, *options)


def alternatives(name, quick):
    """{side: what runs it}, for those that are installed; says which are not."""
    sides = {}
    torch, jax = tools.python_has("torch"), tools.python_has("jax")
    if torch:
        sides["PyTorch eager"] = script("torch_step.py", name)
        if tools.have("g++"):
            sides["PyTorch compiled"] = script("torch_step.py", name, "--mode", "default")
            if not quick:
                sides["PyTorch max-autotune"] = script("torch_step.py", name, "--mode", "max-autotune")
        else:
            tools.missing.append("PyTorch compiled: torch.compile needs g++")
    else:
        tools.missing.append("PyTorch: not in build/venv; ./dev bench --setup")
    if jax:
        sides["JAX"] = script("jax_step.py", name)
    else:
        tools.missing.append("JAX: not in build/venv; ./dev bench --setup")
    return sides


def measure(name, rounds, steps, quick):
    """{side: (times, memory)}, the rounds taking turns."""
    runs = {"dnet": dnet(name)}
    for side, start in alternatives(name, quick).items():
        runs[side] = lambda steps, start=start: start("--steps", str(steps))
    times = {side: ([], [], []) for side in runs}
    for turn in range(rounds):
        tools.peak.measure()
        for side, start in list(runs.items()):
            tools.say(f"{name}: round {turn + 1} of {rounds}, {side}")
            try:
                result = start(steps)
            except tools.Failed as error:
                (tools.broken if side == "dnet" else tools.missing).append(f"{name}, {side}: {error}")
                del runs[side]
                continue
            times[side][0].extend(row[0] for row in result.rows("step"))
            times[side][1].append(result.memory)
            times[side][2].append(result.rows("first")[0][0])
    return {side: part for side, part in times.items() if part[0]}


def report(name, times, rounds, steps):
    title, gflop = WORKLOADS[name][:2]
    rows = []
    for side, (seconds, memory, first) in times.items():
        best = min(seconds)
        rows.append([side, f"{best:.4f}", f"{statistics.median(seconds):.4f}", f"{gflop / best:.0f}",
                     f"{gflop / best / tools.peak.best:.0%}", f"{max(memory) / 2 ** 20:.0f}", f"{first[0]:.2f}"])
    tools.table(f"{name}: {title}; {gflop} GFLOP a step; {rounds} x {steps} steps",
                ["side", "min s", "median s", "GFLOP/s", "of peak", "peak MiB", "first step s"], rows)
    tools.note(f"peak: {tools.peak.best:.0f} GFLOP/s of fused multiply-adds, {tools.THREADS} threads")
    others = [side for side in times if side != "dnet"]
    if "dnet" not in times or not others:
        return
    mine = times["dnet"][0]
    words = []
    for what, f in (("minimum", min), ("median", statistics.median)):
        best = min(others, key=lambda side: f(times[side][0]))
        words.append(f"{f(times[best][0]) / f(mine):.2f} times as fast as {best} by the {what}")
    tools.note("dnet is " + ", ".join(words))
    eager = times.get("PyTorch eager")
    if eager:
        tools.note(f"dnet needs {max(times['dnet'][1]) / max(eager[1]):.0%} of PyTorch eager's memory")


def benchmark(name, quick):
    rounds, steps = WORKLOADS[name][3 if quick else 2]
    report(name, measure(name, rounds, steps, quick), rounds, steps)


def check(name):
    """Do all sides compute the same step? The losses of three, from dnet's first values."""
    folder = os.path.join(tools.OUT, "losses-" + name)
    os.makedirs(folder, exist_ok=True)
    program = tools.compile_dnet(name, name + "-losses", **REPEATABLE[name])
    mine = tools.run(program, "losses", "--folder", folder, "--threads", str(tools.THREADS)).rows("loss")
    rows = [["dnet"] + [f"{a:.6f} {b:.6f}" for a, b in mine]]
    for side, start in alternatives(name, False).items():
        tools.say(f"{name}: losses, {side}")
        try:
            theirs = start("--losses", folder).rows("loss")
        except tools.Failed as error:
            tools.missing.append(f"{name}, {side}: {error}")
            continue
        # The first number is a pass forward. Then Adam amplifies rounding: its first steps are the gradient's sign.
        apart = [abs(a - b) / max(abs(b), 1e-3) for pair in zip(mine, theirs) for a, b in zip(*pair)]
        same = len(apart) == 6 and apart[0] < 1e-5 and max(apart) < 5e-3
        if not same:
            tools.broken.append(f"{name}: {side} computes something else than dnet")
        rows.append([side] + [f"{a:.6f} {b:.6f}" for a, b in theirs])
    tools.table(f"{name}: results of three steps from the same first values, images and noise",
                ["side", "step 1", "step 2", "step 3"], rows)
