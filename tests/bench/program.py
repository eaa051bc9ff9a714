"""The compiler and the program that it makes: time to compile, size, time until the first step."""
import os
import statistics

import tools

EXAMPLES = {"gan": "examples/article/gan.dnet", "dcgan64": "examples/dcgan/dcgan64.dnet"}


def compiling(quick):
    rows = []
    for name, path in EXAMPLES.items():
        program = os.path.join(tools.OUT, name + "-example")
        tools.say(f"program: compiling {path}")
        seconds = [tools.run(tools.DNETC, os.path.join(tools.ROOT, path), "-o", program).seconds
                   for _ in range(2 if quick else 7)]
        rows.append([path, f"{min(seconds):.2f}", f"{statistics.median(seconds):.2f}",
                     f"{os.path.getsize(program) / 1e6:.2f}"])
    tools.table("program: dnetc FILE -o PROGRAM, for AVX2 and AVX-512", ["file", "min s", "median s", "MB"], rows)


def starting(quick):
    rows = []
    for name in ("seed28", "dcgan64"):
        program = tools.compile_dnet(name)
        tools.say(f"program: starting {name}")
        before, first = [], []
        for _ in range(2 if quick else 10):
            result = tools.run_measured(program, "bench", "--steps", "0", "--threads", str(tools.THREADS))
            first.append(result.rows("first")[0][0])
            before.append(result.seconds - first[-1])
        rows.append([name, f"{min(before) * 1e3:.0f}", f"{statistics.median(before) * 1e3:.0f}",
                     f"{min(first) * 1e3:.0f}"])
    tools.table("program: a run of one step", ["program", "all but the step: min ms", "median ms",
                                               "the step: min ms"], rows)
    tools.note("all but the step: the start of the process, the first values of all parameters, the images, the end "
               "of the process")


def benchmark(quick):
    compiling(quick)
    starting(quick)
