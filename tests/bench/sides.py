"""What the scripts of the other sides share: a run's arguments, its clock, and dnet's first values."""
import argparse
import json
import os
import resource
import time


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=["seed28", "dcgan64", "lenet128"])
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--mode", default="eager", help="for PyTorch: eager, default, reduce-overhead or max-autotune")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["f32", "tf32", "bf16"], default="f32",
                        help="on cuda: what matrix units may round operands to")
    parser.add_argument("--window", type=int, default=1, help="steps between two looks at the clock and the losses")
    parser.add_argument("--losses", metavar="FOLDER",
                        help="instead of times, the losses of three steps from the values in FOLDER")
    return parser.parse_args()


def first_values(folder):
    """The parameters, images and noise that a .dnet file's command `losses` wrote, in its order and layout."""
    import numpy  # in build/venv only, and of no use to a run that takes times
    from safetensors.numpy import load_file
    with open(os.path.join(folder, "weights.safetensors"), "rb") as file:
        names = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    tensors = load_file(os.path.join(folder, "weights.safetensors"))
    # The file's header has them in the order of the program, load_file() in another.
    weights = [(name, tensors[name]) for name in names if name in tensors and ".moving_" not in name]
    noise = os.path.join(folder, "noise.npy")
    return (weights, numpy.load(os.path.join(folder, "real.npy")),
            numpy.load(noise) if os.path.exists(noise) else None)


def run(step, options):
    """Prints what the command `bench` or `losses` of a .dnet file prints. step() gives two results, which float()
    waits for."""
    if options.losses:
        for _ in range(3):
            print("loss", *map(float, step()))
        return
    for i in range(options.steps + 1):  # the first warms up, and compiles what is compiled
        start = time.perf_counter()
        for _ in range(options.window if i else 1):
            results = step()
        results = [float(value) for value in results]
        seconds = time.perf_counter() - start
        print(*(("step", seconds / options.window) if i else ("first", seconds)), flush=True)
    print("memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
