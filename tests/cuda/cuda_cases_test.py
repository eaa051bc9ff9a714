"""Every op's golden cases and random graphs, compiled for a GPU and run on the simulated one (tests/cudasim).

cuda_cases_test.py BUILD_DIR      The same files run on a real GPU by ./dev gpu-test.
"""
import os
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(sys.argv[1])
DRIVER = os.path.join(BUILD, "tests", "cudasim", "libcuda.so.1")
# Kind, precision, first seed, graphs.
SETS = [("ops", "f64", 1, 0), ("ops", "f32", 1, 0), ("ops", "tf32", 1, 0), ("ops", "bf16", 1, 0),
        ("random", "f32", 1, 192), ("random", "tf32", 1000, 64), ("random", "bf16", 2000, 64)]


def run(name, *arguments):
    done = subprocess.run([os.path.join(BUILD, "tests", name), *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=800,
                          env={**os.environ, "DNET_CUDA_DRIVER": DRIVER})
    return done.returncode, done.stdout


def main():
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind, precision, seed, count in SETS:
            path = os.path.join(folder, "cases")
            code, said = run("make_cases", kind, precision, path, str(seed), str(count))
            if code == 0:
                code, said = run("run_cases", path)
            print(f"{kind} {precision}: {said.strip().splitlines()[-1] if code == 0 else 'FAILED'}", flush=True)
            if code != 0:
                print(f"exit code {code}\n{said[-4000:]}", file=sys.stderr, flush=True)
                failures += 1
    sys.exit(1 if failures else 0)


main()
