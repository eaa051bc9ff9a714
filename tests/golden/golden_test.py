"""Compares what dnet computes in f64 with the golden values of make_golden.py, to 1e-9 of each tensor's largest.

golden_test.py BUILD_DIR [GROUP ...]      (Debian's python3 alone)
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
GROUPS = ["activations", "losses", "layers", "optimizers", "schedules", "metrics", "random", "article", "dcgan64"]
TOLERANCE = 1e-9


def read_safetensors(path):
    """{name: list of numbers}"""
    with open(path, "rb") as f:
        data = f.read()
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    kinds = {"F64": "d", "F32": "f", "I64": "q", "I32": "i", "U8": "B"}
    result = {}
    for name, info in header.items():
        if name == "__metadata__" or info["dtype"] not in kinds:
            continue
        begin, end = info["data_offsets"]
        kind = kinds[info["dtype"]]
        count = (end - begin) // struct.calcsize(kind)
        result[name] = list(struct.unpack(f"<{count}{kind}", data[8 + length + begin:8 + length + end]))
    return result


def read_npy(path):
    with open(path, "rb") as f:
        data = f.read()
    assert data[:6] == b"\x93NUMPY", path
    wide = data[6] >= 2
    length, = struct.unpack("<I" if wide else "<H", data[8:12 if wide else 10])
    begin = (12 if wide else 10) + length
    kind = "d" if b"'<f8'" in data[:begin] else "f"
    count = (len(data) - begin) // struct.calcsize(kind)
    return list(struct.unpack(f"<{count}{kind}", data[begin:]))


def distance(got, want):
    """Of the worst element, by the largest wanted; NaN counts as far."""
    if len(got) != len(want):
        return float("inf")
    worst = max((abs(a - b) if a == a else float("inf") for a, b in zip(got, want)), default=0.0)
    # Gradients show as differences of parameters: 1e-13 absolute is what they can have.
    return max(worst - 1e-13, 0.0) / max(max(map(abs, want), default=0.0), 1e-3)


class Test:
    def __init__(self, build):
        self.dnet = os.path.join(build, "dnet")
        self.failures = 0
        self.compared = 0

    def command(self, source, arguments):
        return [self.dnet, "--precision", "f64", source, *arguments], None

    def run(self, source, *arguments, cwd=None):
        command, environment = self.command(source, arguments)
        result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
        if result.returncode:
            self.fail(" ".join(command) + f": exit status {result.returncode}\n{result.stdout}{result.stderr}")
        return result.returncode == 0

    def fail(self, message):
        self.failures += 1
        print("FAIL", message, flush=True)

    def compare(self, name, got, want, tolerance=TOLERANCE):
        self.compared += 1
        d = distance(got, want)
        if not d <= tolerance:
            self.fail(f"{name}: off by {d:.3g}\n  got  {got[:6]}\n  want {want[:6]}")

    def group(self, name, folder):
        path = os.path.join(HERE, name)
        out = os.path.join(folder, name + ".safetensors")
        before = path + ".in.safetensors"
        if not self.run(path + ".dnet", "run", "--data", before, "--out", out):
            return
        before, after = read_safetensors(before), read_safetensors(out)
        for key, want in read_safetensors(path + ".want.safetensors").items():
            case, _, what = key.partition(".")
            if what.startswith("gradient."):
                variable = f"{case}.{what[len('gradient.'):]}"
                if variable in after:
                    got = [a - b for a, b in zip(before[variable], after[variable])]
            else:
                variable = key
                got = after.get(key)
            if variable not in after:
                self.fail(f"{name}: {key}: there is no variable {variable} in {out}")
                continue
            self.compare(f"{name}: {key}", got, want)

    def losses(self, name, folder):
        with open(os.path.join(HERE, "gan.want.json")) as f:
            want = json.load(f)[name]
        if not self.run(os.path.join(HERE, "gan.dnet"), name, "--out", folder):
            return
        for i, pair in enumerate(want, 1):
            got = read_npy(os.path.join(folder, f"{name}-{i}.npy"))
            for what, a, b in zip(["d_loss", "g_loss"], got, pair):
                self.compare(f"{name}: step {i}: {what}", [a], [b])


def check(test, groups):
    for name in groups:
        with tempfile.TemporaryDirectory() as folder:
            if name == "random":
                test.run(os.path.join(HERE, "random.dnet"), "run")
            elif name in ("article", "dcgan64"):
                test.losses(name, folder)
            else:
                test.group(name, folder)
    print(f"{test.compared} values compared, {test.failures} failures")
    return 1 if test.failures else 0


if __name__ == "__main__":
    sys.exit(check(Test(os.path.abspath(sys.argv[1])), sys.argv[2:] or GROUPS))
