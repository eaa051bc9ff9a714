"""Times dnet beside what else there is. ./dev bench --help

Every side is a process of its own, and the sides take turns, so that all see the same machine; the first step of a
process does not count. FLOP/s are by the smallest count of a step.
"""
import argparse
import os
import shutil
import sys

import gpu_folder
import library
import program
import steps
import tools

PARTS = {
    **{name: lambda quick, name=name: steps.benchmark(name, quick) for name in steps.WORKLOADS},
    "gemm": library.gemm,
    "conv": library.conv,
    "program": program.benchmark,
}


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.split("\n\n")[1])
    parser.add_argument("parts", nargs="*", metavar="PART", help="which parts, of " + ", ".join(PARTS) +
                        "; all if none is named")
    parser.add_argument("--quick", action="store_true", help="few rounds: shows that all works, 2 minutes instead of 15")
    parser.add_argument("--markdown", action="store_true", help="tables for docs/performance.md")
    parser.add_argument("--check", action="store_true",
                        help="instead of times, compares the losses of all sides' first steps")
    parser.add_argument("--setup", action="store_true",
                        help="first installs PyTorch, JAX, oneDNN and OpenBLAS from PyPI into build/")
    parser.add_argument("--target", choices=["x86", "cuda"], default="x86",
                        help="cuda: makes a folder that measures on a machine with a GPU, build/gpu-bench")
    options = parser.parse_args()
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        parser.error(f"no part {unknown[0]}; there are {', '.join(PARTS)}")
    return options


def head():
    versions = [f"{name} {version}" for name in ("torch", "jax", "onednn", "scipy-openblas32")
                if (version := tools.python_has(name))]
    print(f"{tools.THREADS} threads, f32; {', '.join(versions) or 'no other side installed'}; "
          f"load {os.getloadavg()[0]:.1f} before")
    if os.getloadavg()[0] > 1:
        print("Something else runs on this machine: the figures below are not worth quoting.")


def main():
    options = arguments()
    tools.as_markdown = options.markdown
    os.makedirs(tools.OUT, exist_ok=True)
    if options.setup:
        tools.set_up()
    # What torch.compile keeps of an earlier run would hide how long it compiles.
    shutil.rmtree(os.path.join(tools.OUT, "inductor"), ignore_errors=True)
    # As many processors as threads, for the sides that take what there is.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:tools.THREADS])
    if options.target == "cuda":
        gpu_folder.make()
        return
    head()
    for name in options.parts or PARTS:
        try:
            if not options.check:
                PARTS[name](options.quick)
            elif name in steps.WORKLOADS:
                steps.check(name)
        except tools.Failed as error:
            tools.broken.append(f"{name}: {error}")
    for title, lines in (("Not measured", tools.missing), ("Failed", tools.broken)):
        for line in dict.fromkeys(lines):
            print(f"{title}: {line}")
    sys.exit(1 if tools.broken else 0)


main()
