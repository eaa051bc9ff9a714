"""Time of a training step of the two reference workloads in dnet, and in PyTorch where it is there.

Usage: bench.py [seed28|dcgan64 ...]. Runs of both sides take turns, so that both see the same
machine; the first step of each run does not count. FLOP/s are by the smallest count of a step.
"""
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, "build")
THREADS = min(2, os.cpu_count() or 1)

# What it is; GFLOP a step; rounds; steps that count in each.
WORKLOADS = {
    "seed28": ("the article's GAN, 28x28x1, batch 64", 14.8, 4, 8),
    "dcgan64": ("DCGAN, 64x64x3, batch 128", 293.0, 2, 2),
}


def output(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit("bench: failed: " + " ".join(command))
    return done.stdout


def step_times(*command):
    lines = output(*command).splitlines()
    times = [float(line.split()[1]) for line in lines if line.startswith("step ")]
    if not times:
        sys.exit("bench: printed no times: " + " ".join(command))
    return times


def build_peak():
    program = os.path.join(BUILD, "bench-peak")
    output("cc", "-O3", "-march=native", "-pthread", os.path.join(HERE, "peak.c"), "-o", program)
    return program


def find_pytorch():
    """Python with PyTorch, and PyTorch's version; None, None if there is none."""
    for python in (os.path.join(BUILD, "venv", "bin", "python"), "python3"):
        try:
            done = subprocess.run([python, "-c", "import torch; print(torch.__version__)"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        except FileNotFoundError:
            continue
        if done.returncode == 0:
            return python, done.stdout.strip()
    return None, None


def measure(name, python, peak_program):
    _, _, rounds, steps = WORKLOADS[name]
    times = {"dnet": [], "PyTorch": []}
    peaks = []
    for _ in range(rounds):
        peaks.append(float(output(peak_program, str(THREADS))))
        times["dnet"] += step_times(
            os.path.join(BUILD, "dnet"), os.path.join(HERE, name + ".dnet"), "bench",
            "--steps", str(steps), "--threads", str(THREADS))
        if python:
            times["PyTorch"] += step_times(
                python, os.path.join(HERE, "pytorch_bench.py"), name, str(steps), str(THREADS))
    return times, max(peaks)


def report(name, times, peak):
    title, gflop, rounds, steps = WORKLOADS[name]
    print(f"\n{name}: {title}, {gflop} GFLOP a step; {rounds} runs of {steps} steps")
    print("            min s   median s   GFLOP/s at min   of the peak")
    for side, seconds in times.items():
        if seconds:
            best, middle = min(seconds), statistics.median(seconds)
            print(f"  {side:8}{best:8.4f}{middle:11.4f}{gflop / best:17.1f}"
                  f"{gflop / best / peak:14.0%}")
    print(f"  peak: {peak:.0f} GFLOP/s of fused multiply-adds")
    if times["PyTorch"]:
        ratios = [f(times["PyTorch"]) / f(times["dnet"]) for f in (min, statistics.median)]
        print(f"  dnet is {ratios[0]:.2f} times as fast as PyTorch by the minimum, "
              f"{ratios[1]:.2f} by the median", flush=True)


def main():
    names = sys.argv[1:] or list(WORKLOADS)
    unknown = [name for name in names if name not in WORKLOADS]
    if unknown:
        sys.exit(f"bench: no workload {unknown[0]}; there are {', '.join(WORKLOADS)}")
    python, version = find_pytorch()
    against = f"PyTorch {version}, eager" if python else "no PyTorch"
    print(f"{THREADS} threads, f32; {against}; load {os.getloadavg()[0]:.1f} before")
    if not python:
        print("To compare with PyTorch:  python3 -m venv build/venv && "
              "build/venv/bin/pip install torch")
    if os.getloadavg()[0] > 1:
        print("Something else runs on this machine: the figures below are not worth quoting.")
    peak_program = build_peak()
    for name in names:
        times, peak = measure(name, python, peak_program)
        report(name, times, peak)


main()
