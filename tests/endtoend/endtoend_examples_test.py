"""The examples as their heads say: each is trained for a little while, killed and resumed, and what it makes is used.

Data are small: some hundred of MNIST's digits, pictures that the test draws. `-D` makes the networks of dcgan64
small, so that the test is about the program, not about time.
"""
import math
import os
import re
import struct
import subprocess
import time

from endtoend import (DNET, DNETC, ROOT, TIMEOUT, check, check_in, check_png, environment, finish, folder,
                      parse_checkpoint, png_bytes, read, read_npy, read_safetensors, run_fails, run_ok, write,
                      write_mnist)

GAN = os.path.join(ROOT, "examples/article/gan.dnet")
LENET = os.path.join(ROOT, "examples/mnist/lenet.dnet")
DCGAN = os.path.join(ROOT, "examples/dcgan/dcgan64.dnet")
RUN, USAGE = 1, 2


def floats(path, shape):
    """The numbers of an f32 NPY file, which must have that shape and no NaN."""
    found, dtype, data = read_npy(path)
    check(found == shape and dtype == "<f4", path, found, dtype)
    values = struct.unpack(f"<{len(data) // 4}f", data)
    check(len(values) == math.prod(shape) and all(-1 <= v <= 1 for v in values), path, min(values), max(values))
    return values


def check_log(path, names, rows):
    lines = read(path).decode().splitlines()
    check(lines[0] == ",".join(["step", *names]), lines[0])
    check([line.split(",")[0] for line in lines[1:]] == [str(i + 1) for i in range(rows)], path, lines)
    check(all(math.isfinite(float(v)) for line in lines[1:] for v in line.split(",")), path)


def kill_and_resume(args, cwd, checkpoint):
    """Kills a run as soon as there is a checkpoint, and resumes it."""
    process = subprocess.Popen(args, cwd=cwd, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + TIMEOUT
    while process.poll() is None and not os.path.exists(os.path.join(cwd, checkpoint)) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    check(process.wait() != 0, "the run was over before it could be killed")
    steps = parse_checkpoint(read(os.path.join(cwd, checkpoint)))[1]["steps"]
    run_ok(*args, "--resume", checkpoint, cwd=cwd)
    return steps


# ---- examples/article/gan.dnet ----

def test_gan():
    cwd = folder()
    write_mnist(os.path.join(cwd, "digits.idx"), 0, 200)
    train = [DNET, GAN, "train", "--images", "digits.idx", "--epochs", "2"]
    result = run_ok(*train, "--out", "whole/run", cwd=cwd)
    check(result.out == "wrote whole/run/gan.ckpt, whole/run/losses.csv, 2 images (last whole/run/epoch-2.png)\n",
          result)
    check("epoch 1  3/3  " in result.err and "epoch 2  3/3  " in result.err, result)
    check_log(os.path.join(cwd, "whole/run/losses.csv"), ["d_loss", "g_loss"], 6)
    # 8 by 8 images of 28 x 28, 2 pixels apart.
    first, second = (check_png(os.path.join(cwd, f"whole/run/epoch-{i}.png"), 238, 238, 1) for i in (1, 2))
    check(first != second, "the second epoch changes nothing")

    kill_and_resume([*train, "--out", "run"], cwd, "run/gan.ckpt")
    for name in ("losses.csv", "epoch-1.png", "epoch-2.png"):
        check(read(os.path.join(cwd, "run", name)) == read(os.path.join(cwd, "whole/run", name)), name, "differs")
    a, b = (parse_checkpoint(read(os.path.join(cwd, p, "gan.ckpt"))) for p in ("run", "whole/run"))
    check(a[0] == b[0], "other parameters after a kill")

    result = run_ok(DNET, GAN, "sample", "--weights", "run/gan.ckpt", "--out", "new/digits.png", cwd=cwd)
    check(result.out == "wrote new/digits.png\n", result)
    check(check_png(os.path.join(cwd, "new/digits.png"), 238, 238, 1) not in (b"", second))
    run_ok(DNET, GAN, "sample", "--weights", "run/gan.ckpt", "--out", "again.png", cwd=cwd)
    check(read(os.path.join(cwd, "again.png")) == read(os.path.join(cwd, "new/digits.png")))
    run_ok(DNET, GAN, "sample", "--weights", "run/gan.ckpt", "--out", "other.png", "--seed", "2", cwd=cwd)
    check(read(os.path.join(cwd, "again.png")) != read(os.path.join(cwd, "other.png")))

    values = None
    for n in (1, 64, 100):
        run_ok(DNET, GAN, "generate", "--weights", "run/gan.ckpt", "--n", str(n), "--out", f"{n}.npy", cwd=cwd)
        before, values = values, floats(os.path.join(cwd, f"{n}.npy"), (n, 28, 28, 1))
        check(before is None or values[:len(before)] == before, "the first images depend on how many there are")
    check(values[:784] != values[784:1568])


def test_gan_refusals():
    cwd = folder()
    help_text = run_ok(DNET, GAN, "--help", cwd=cwd).out
    for part in ("train", "sample", "generate", "Trains, and writes OUT/epoch-N.png"):
        check_in(part, help_text)
    help_text = run_ok(DNET, GAN, "train", "--help", cwd=cwd).out
    for part in ("--images PATH", "--epochs INT", "(default: 50)", "images, an IDX file", "--resume FILE"):
        check_in(part, help_text)
    run_fails(RUN, DNET, GAN, "sample", cwd=cwd, says=["gan.dnet:", "gan-out/gan.ckpt: ", "No such file"])
    run_fails(RUN, DNET, GAN, "train", "--images", "none.gz", cwd=cwd, says=["gan.dnet:", "none.gz: ", "No such file"])
    run_fails(USAGE, DNET, GAN, "train", "--epoch", "3", cwd=cwd, says=["did you mean", "--epochs"])
    run_fails(USAGE, DNET, GAN, "train", "--epochs", "three", cwd=cwd, says=["--epochs should be a whole number"])
    run_fails(USAGE, DNET, GAN, "tarin", cwd=cwd, says=["did you mean `train`?"])
    write(os.path.join(cwd, "text.idx"), "these are no digits")
    run_fails(RUN, DNET, GAN, "train", "--images", "text.idx", cwd=cwd, says=["text.idx"])
    write_mnist(os.path.join(cwd, "few.idx"), 0, 63)
    run_fails(RUN, DNET, GAN, "train", "--images", "few.idx", cwd=cwd, says=["gan.dnet:", "63", "64"])


# ---- examples/mnist/lenet.dnet ----

def accuracies(text):
    return [float(x) for x in re.findall(r"accuracy (\S+)", text)]


def test_lenet():
    cwd = folder()
    write_mnist(os.path.join(cwd, "some.idx"), 0, 400)
    write_mnist(os.path.join(cwd, "others.idx"), 400, 300)
    others = ["--test-images", "others.idx", "--test-labels", "others.idx.labels"]
    train = [DNET, LENET, "train", "--images", "some.idx", "--labels", "some.idx.labels", *others, "--epochs", "4"]
    result = run_ok(*train, cwd=cwd)
    said = accuracies(result.out)
    check(len(said) == 4 and all(0 <= a <= 1 for a in said) and said[-1] > 0.5, result)
    check("wrote lenet.safetensors\n" in result.out, result)
    tensors, _ = read_safetensors(os.path.join(cwd, "lenet.safetensors"))
    check(tensors["M.dense_2.kernel"][1] == [128, 10] and not any("adam" in name for name in tensors), sorted(tensors))

    # The weights know as much as the run did.
    result = run_ok(DNET, LENET, "test", "--images", "others.idx", "--labels", "others.idx.labels", cwd=cwd)
    check(abs(accuracies(result.out)[0] - said[-1]) < 1e-4, result, said)
    run_ok(*train, "--workers", "3", "--threads", "1", "--out", "again.safetensors", cwd=cwd)
    check(read(os.path.join(cwd, "lenet.safetensors")) == read(os.path.join(cwd, "again.safetensors")),
          "other weights with other threads")

    # What judge says of real digits, and of noise.
    pixels = read(os.path.join(cwd, "others.idx"))[16:16 + 192 * 784]
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 28, 28, 1), }"
    for name, values in [("digits", [v / 127.5 - 1 for v in pixels]),
                         ("noise", [((v * 7919 + 13) % 256) / 127.5 - 1 for v in range(192 * 784)])]:
        text = header % 192
        text += b" " * (-(11 + len(text)) % 64) + b"\n"
        write(os.path.join(cwd, name + ".npy"), b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text
              + struct.pack(f"<{len(values)}f", *values))
    result = run_ok(DNET, LENET, "judge", "--samples", "digits.npy", cwd=cwd)
    sure, counts = re.fullmatch(r"confidence above 0\.9: (\S+) of \d+ images\ndigits 0 to 9: \[(.*)\]\n", result.out).groups()
    counts = [float(c) for c in counts.split(",")]
    check(0 <= float(sure) <= 1 and len(counts) == 10 and sum(counts) == 192 and min(counts) > 0, result)
    result = run_ok(DNET, LENET, "judge", "--samples", "noise.npy", cwd=cwd)
    check(len(result.out.splitlines()) == 2, result)
    run_fails(RUN, DNET, LENET, "judge", "--samples", "others.idx", cwd=cwd, says=["lenet.dnet:", "others.idx"])


def test_lenet_refusals():
    cwd = folder()
    write_mnist(os.path.join(cwd, "a.idx"), 0, 200)
    write_mnist(os.path.join(cwd, "b.idx"), 0, 199)
    run_fails(RUN, DNET, LENET, "test", "--weights", "none.safetensors", cwd=cwd, says=["none.safetensors"])
    run_fails(RUN, DNET, LENET, "train", "--images", "a.idx", "--labels", "b.idx.labels", "--test-images", "a.idx",
              "--test-labels", "a.idx.labels", cwd=cwd, says=["lenet.dnet:", "200", "199"])
    run_fails(RUN, DNET, LENET, "train", "--images", "a.idx", "--labels", "a.idx", "--test-images", "a.idx",
              "--test-labels", "a.idx.labels", cwd=cwd, says=["lenet.dnet:", "a.idx"])
    # It writes weights at the end and no checkpoints.
    run_fails(USAGE, DNET, LENET, "train", "--resume", "x", cwd=cwd, says=["`train` writes no checkpoints"])


# ---- examples/dcgan/dcgan64.dnet ----

SMALL = ["-D", "batch=8", "-D", "ngf=4", "-D", "ndf=4", "-D", "nz=10"]


def draw(cwd, count):
    """Discs of all colours, of any size and shape of picture; and files that are no good."""
    for i in range(count):
        width, height = 64 + 5 * (i % 7), 64 + 9 * (i % 4)
        radius = (12 + i) ** 2
        data = png_bytes(width, height, (1, 3, 4)[i % 3], lambda x, y: ((40 * i, 255 - 9 * i, 7 * i, 255) if
                         (x - width / 2) ** 2 + (y - height / 2) ** 2 < radius else (x, y, 90, 255))[:(1, 3, 4)[i % 3]])
        write(os.path.join(cwd, f"pictures/{i:02}.png"), data)
    write(os.path.join(cwd, "pictures/copy.png"), read(os.path.join(cwd, "pictures/03.png")))
    write(os.path.join(cwd, "pictures/cut.png"), read(os.path.join(cwd, "pictures/04.png"))[:-100])
    write(os.path.join(cwd, "pictures/empty.jpg"), "")
    write(os.path.join(cwd, "pictures/face.jpg"), read(os.path.join(cwd, "pictures/05.png")) + b"!")
    write(os.path.join(cwd, "pictures/page.jpeg"), "<html>")


def test_dcgan():
    cwd = folder()
    draw(cwd, 23)
    train = [DNET, *SMALL, DCGAN, "train", "--images", "pictures", "--epochs", "3"]
    result = run_ok(*train, "--out", "whole", cwd=cwd)
    for part in ("24 of 28 images used", "1 empty (empty.jpg)", "1 truncated or damaged (cut.png: ",
                 "1 not an image (page.jpeg: ", "1 misnamed but used (face.jpg: is a PNG)",
                 "1 duplicate (copy.png: the same bytes as 03.png)", "epoch 3  3/3  "):
        check_in(part, result.err)
    check_log(os.path.join(cwd, "whole/losses.csv"), ["d_loss", "g_loss"], 9)
    for i in (1, 2, 3):
        check_png(os.path.join(cwd, f"whole/epoch-{i}.png"), 8 * 66 - 2, 8 * 66 - 2, 3)

    steps = kill_and_resume([*train, "--out", "run"], cwd, "run/dcgan.ckpt")
    check(steps % 3 == 0, steps)
    a, b = (parse_checkpoint(read(os.path.join(cwd, p, "dcgan.ckpt"))) for p in ("run", "whole"))
    check(a[0] == b[0], "other parameters after a kill")
    for name in ("losses.csv", "epoch-3.png"):
        check(read(os.path.join(cwd, "run", name)) == read(os.path.join(cwd, "whole", name)), name, "differs")

    run_ok(DNET, *SMALL, DCGAN, "sample", "--weights", "run/dcgan.ckpt", "--out", "new.png", cwd=cwd)
    check_png(os.path.join(cwd, "new.png"), 8 * 66 - 2, 8 * 66 - 2, 3)
    run_fails(RUN, DNET, DCGAN, "sample", "--weights", "run/dcgan.ckpt", "--out", "no.png", cwd=cwd,
              says=["in the file, but", "in the program"])
    run_fails(USAGE, DNET, DCGAN, "train", cwd=cwd, says=["`train` needs --images PATH"])
    strict = read(DCGAN).decode().replace("crop: true)", "crop: true, strict: true)")
    write(os.path.join(cwd, "strict.dnet"), strict)
    run_fails(RUN, DNET, *SMALL, "strict.dnet", "train", "--images", "pictures", "--out", "strict", cwd=cwd,
              says=["strict.dnet:", "pictures/copy.png: duplicate"])


def test_defines():
    cwd = folder()
    run_fails(RUN, DNETC, "-D", "ngf=0", DCGAN, cwd=cwd, says=["dcgan64.dnet:"])
    run_fails(RUN, DNETC, "-D", "nfg=4", DCGAN, cwd=cwd, says=["nfg", "did you mean"])
    run_fails(RUN, DNETC, "-D", "batch=many", DCGAN, cwd=cwd, says=["batch"])


test_gan()
test_gan_refusals()
test_lenet()
test_lenet_refusals()
test_dcgan()
test_defines()
finish()
