"""--report=cost for GPUs: the time at best of an H100, by what its data sheet has for the precision; and --profile of a
compiled program, which has the same kernels and what they took.
"""
import os
import re

from endtoend import BUILD, DNETC, ROOT, TINY_GAN, check, check_in, finish, folder, run_ok, write_mnist

GPU = {"DNET_CUDA_DRIVER": os.path.join(BUILD, "tests", "cudasim", "libcuda.so.1")}
DCGAN = os.path.join(ROOT, "examples/dcgan/dcgan64.dnet")
CONTRACTIONS = {"conv", "conv_input", "conv_weight", "dot"}
# TFLOP/s of kernels, and of products and convolutions; GB/s.
RATES = {"f64": (34, 34), "f32": (67, 67), "tf32": (67, 494.5), "bf16": (67, 989.5)}
BYTES = 3350


def costs(text):
    """[name, GFLOP, MB, ms at best] of the kernels of train_step, and the table's first line."""
    head, _, *lines = text[text.index("cost of train_step"):].split("\n\n")[0].split("\n")
    rows = [re.split(r"  +", line.strip()) for line in lines[:-1]]
    return head, [[row[1], float(row[3]), float(row[4]), float(row[6])] for row in rows]


def test_report():
    for precision, (rest, matrix) in RATES.items():
        head, rows = costs(run_ok(DNETC, DCGAN, "-target", "cuda", "--precision", precision, "--report=cost",
                                  cwd=ROOT).out)
        at = f", products and convolutions at {1000 * matrix:.1f} GFLOP/s," if matrix != rest else ""
        want = (f"cost of train_step, at {1000 * rest:.1f} GFLOP/s{at} and {BYTES:.1f} GB/s "
                f"(NVIDIA H100 SXM by its data sheet, {precision})")
        check(head == want, head, want)
        bounds = set()
        for name, gflop, mb, limit in rows:
            rate = matrix if name in CONTRACTIONS else rest
            arithmetic, memory = gflop / rate, mb / BYTES
            bounds.add((name in CONTRACTIONS, arithmetic > memory))
            # Columns are rounded: GFLOP and MB to a half of 0.001, milliseconds to a half of 0.00001.
            room = 0.0005 / rate + 0.0005 / BYTES + 0.000006
            check(abs(limit - max(arithmetic, memory)) <= room, precision, name, gflop, mb, limit)
        names = {row[0] for row in rows}
        check(names > CONTRACTIONS - {"dot"}, names)
        if precision != "bf16":
            check((True, True) in bounds and (True, False) in bounds, "both decide, of some", bounds)


def test_both_targets():
    out = run_ok(DNETC, TINY_GAN, "-target", "x86,cuda", "--report=cost", cwd=ROOT).out
    check(len(re.findall(r"^cost of train_step, at .* with \d+ threads?$", out, re.M)) == 1, out)
    check(len(re.findall(r"^cost of train_step, at .* \(NVIDIA H100 SXM", out, re.M)) == 1, out)


def test_profile():
    cwd = folder()
    write_mnist(os.path.join(cwd, "digits.idx"), 0, 16)
    predicted = costs(run_ok(DNETC, TINY_GAN, "-target", "cuda", "--report=cost", cwd=cwd).out)[1]
    run_ok(DNETC, TINY_GAN, "-target", "cuda", "-o", "gan", cwd=cwd)
    train = ["--profile", "train", "--images", "digits.idx", "--take-n", "16", "--epochs", "1", "--overwrite"]
    # Multiply-adds in a clock of the simulated card, whose other numbers do not depend on its generation.
    for sm, faster in (("80", 8), ("90", 8)):
        said = run_ok("./gan", *train, cwd=cwd, CUDASIM_SM=sm, **GPU).err
        head, rows = costs(said)
        found = re.fullmatch(r"cost of train_step, mean of 1 run, at ([\d.]+) GFLOP/s, products and convolutions at "
                             r"([\d.]+) GFLOP/s, and ([\d.]+) GB/s \((.+)\)", head)
        if check(found, head):
            check(float(found[2]) == faster * float(found[1]), head)
        check([row[:3] for row in rows] == [row[:3] for row in predicted], rows, predicted)
    check_in("     took ms  of limit", said)


test_report()
test_both_targets()
test_profile()
finish()
