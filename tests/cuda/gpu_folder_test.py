"""The checks for a machine with a GPU (gpu_test.sh), of small networks on the simulated GPU: they pass, and one that
fails is told about and does not end the run.

gpu_folder_test.py BUILD_DIR
"""
import os
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
DRIVER = os.path.join(BUILD, "tests", "cudasim", "libcuda.so.1")
SANITIZED = os.path.basename(BUILD) == "debug"  # where the simulator is slow
failures = 0


def check(condition, *what):
    global failures
    if not condition:
        failures += 1
        print("failed:", *what, file=sys.stderr, flush=True)


def run(folder, *arguments):
    """The exit code, and what is in the file of results."""
    results = os.path.join(folder, "found.txt")
    if os.path.exists(results):
        os.remove(results)
    done = subprocess.run([os.path.join(folder, "run"), "--results", results, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=600,
                          env={**os.environ, "DNET_CUDA_DRIVER": DRIVER})
    with open(results) as file:
        return done.returncode, file.read(), done.stdout


def test_all(folder):
    listed = subprocess.run([os.path.join(folder, "run"), "--list"], stdout=subprocess.PIPE, text=True,
                            check=True).stdout.split()
    every = ["cases:random-f32", "steps:tf32", "repeats", "resume", "fits", "library", "profile:tf32"]
    check(set(every) <= set(listed), listed)
    chosen = ["cases:random-f32", "steps:tf32", "resume"] if SANITIZED else every
    code, found, said = run(folder, *chosen)
    check(code == 0, code, said)
    for name in chosen:
        check(f"ok      {name} (" in found, name, found)
    check(f"{len(chosen)} passed, 0 failed" in found, found)


def test_failing(folder):
    cases = os.path.join(folder, "cases", "random-f32.cases")
    os.truncate(cases, os.path.getsize(cases) - 1000)
    code, found, _ = run(folder, "cases:random-f32", "cases:few-tf32")
    check(code == 1, code)
    for part in ("FAILED  cases:random-f32 (exit code ", "the file of cases is cut off",
                 "---- again with DNET_CUDA_SYNC=1", "ok      cases:few-tf32", "1 passed, 1 failed: cases:random-f32"):
        check(part in found, part, found)


def test_time(folder):
    code, found, _ = run(folder, "--minutes", "0", "repeats", "fits")
    check(code == 1 and "left out after 0 minutes: run repeats fits" in found, code, found)


def main():
    with tempfile.TemporaryDirectory() as parent:
        folder = os.path.join(parent, "gpu-test")
        subprocess.run([sys.executable, os.path.join(HERE, "gpu_folder.py"), BUILD, "--small", folder], check=True,
                       stdout=subprocess.DEVNULL)
        test_all(folder)
        test_failing(folder)
        test_time(folder)
    sys.exit(1 if failures else 0)


main()
