"""What checkpoints refuse: other flags, programs and data than the run began with, damage, and to be replaced
unasked. And weights that go from one program to another."""
import os
import shutil

from endtoend import (DNET, MNIST, TINY_GAN, check, check_png, finish, folder, parse_checkpoint, png_bytes, read,
                      read_npy, read_safetensors, run, run_fails, run_ok, sha256, write, write_mnist)

CHECKPOINT = "out/gan.ckpt"
RUN, USAGE = 1, 2

# Only the generator of tiny_gan.dnet, under the same name, and a network that it does not have.
GENERATOR = """
const z_dim = 8
net Generator(z: f32[N, z_dim]) -> f32[N, 28, 28, 1] {
    z |> dense(7 * 7 * 4) |> batch_norm |> relu |> reshape(N, 7, 7, 4)
      |> conv2d_transpose(4, kernel: 4, stride: 2) |> batch_norm |> relu
      |> conv2d_transpose(1, kernel: 4, stride: 2) |> tanh
}
model G = Generator
"""
DRAW = """
command draw(weights: path, out: path = "drawn.npy") {
    restore(weights)
    save_npy(G(normal([16, z_dim], seed: 1)), out)
}
"""
MORE = """
net Critic(x: f32[N, 3]) -> f32[N, 1] { dense(x, 1) }
model C = Critic
command judge() { print(C(ones([1, 3]))) }
"""
COPY = """
command copy(weights: path, out: path) {
    restore(weights)
    save_weights(out)
}
"""
STRANGER = """
net Line(x: f32[N, 3]) -> f32[N, 1] { dense(x, 1) }
model Other = Line
command show(weights: path) {
    restore(weights)
    print(Other(ones([1, 3])))
}
"""
PRINTS = """
command go() {
    log_to("prints.csv")
    for i in 1..2 {
        print("i is", i)
        log {i}
    }
}
"""
FOLDER = """
net Mean(x: f32[N, 8, 8, 3]) -> f32[N, 1] { x |> flatten |> dense(1) }
model M = Mean
step learn(x: f32[2, 8, 8, 3]) {
    loss = mse(M(x), 0)
    minimize loss over M with sgd(lr: 1e-6)
    return {loss}
}
command train(images: path, epochs: int = 2) {
    let pictures = image_folder(images, size: [8, 8]) |> shuffle |> batch(2)
    checkpoint("out/mean.ckpt", every: 1)
    for epoch in 1..epochs {
        for x in pictures { learn(x) }
    }
}
"""


def files(cwd):
    """{path: hash} of everything below."""
    found = {}
    for place, _, names in os.walk(cwd):
        for name in names:
            path = os.path.join(place, name)
            found[os.path.relpath(path, cwd)] = sha256(path)
    return found


def refuses(code, *args, cwd, says):
    """Fails, and changes no file."""
    before = files(cwd)
    run_fails(code, *args, cwd=cwd, says=says)
    after = files(cwd)
    check(before == after, "changed:", {p for p in before.keys() | after.keys() if before.get(p) != after.get(p)})


def prepare():
    """A folder with data and a run that was over after an epoch, its checkpoint in the middle."""
    cwd = folder()
    write_mnist(os.path.join(cwd, "digits.idx"), 0, 96)
    run_ok(DNET, TINY_GAN, "train", "--images", "digits.idx", "--take-n", "80", "--epochs", "2", cwd=cwd)
    return cwd


def test_overwrite(cwd):
    before = files(cwd)
    train = [DNET, TINY_GAN, "train", "--images", "digits.idx", "--take-n", "80", "--epochs", "2"]
    refuses(RUN, *train, cwd=cwd, says=["exists", "--resume", "--overwrite"])
    run_ok(*train, "--overwrite", cwd=cwd)
    check(files(cwd) == before, "other results when it is run again")
    other = [*train[:-1], "1", "--overwrite"]
    run_ok(*other, cwd=cwd)
    check(parse_checkpoint(read(os.path.join(cwd, CHECKPOINT)))[1]["steps"] == 5)
    run_ok(*train, "--overwrite", cwd=cwd)
    check(files(cwd) == before, "other results over a shorter run's")


def test_finished(cwd):
    """A finished run can be resumed: there is nothing left to do."""
    before = files(cwd)
    run_ok(DNET, TINY_GAN, "train", "--resume", CHECKPOINT, cwd=cwd)
    check(files(cwd) == before, "a finished run goes on")


def test_flags(cwd):
    resume = [DNET, TINY_GAN, "train", "--resume", CHECKPOINT]
    refuses(RUN, *resume, "--epochs", "3", cwd=cwd, says=["--epochs is 2 in the checkpoint, not 3", "hint:"])
    refuses(RUN, *resume, "--images", MNIST, cwd=cwd, says=["--images is digits.idx in the checkpoint, not"])
    refuses(RUN, *resume, "--take-n=79", cwd=cwd, says=["--take-n is 80 in the checkpoint, not 79"])
    refuses(RUN, *resume, "--seed", "1", cwd=cwd, says=["--seed is 0 in the checkpoint, not 1"])
    refuses(USAGE, *resume, "--epoch", "2", cwd=cwd, says=["--epoch", "did you mean", "--epochs"])
    refuses(USAGE, DNET, TINY_GAN, "sample", "--resume", CHECKPOINT, cwd=cwd, says=["nothing to resume"])
    before = files(cwd)
    run_ok(*resume, "--epochs", "2", "--seed", "0", "--workers", "3", "--threads", "1", cwd=cwd)
    check(files(cwd) == before)


def test_program(cwd):
    text = read(TINY_GAN).decode()
    path = write(os.path.join(cwd, "edited.dnet"), text)
    before = files(cwd)
    run_ok(DNET, "edited.dnet", "train", "--resume", CHECKPOINT, cwd=cwd)
    check(files(cwd) == before, "a program's place matters")
    for old, new in [("dropout(0.3)", "dropout(0.4)"), ("lr: 1e-3", "lr: 2e-3"), ("dense(1)", "dense(1, bias: false)"),
                     ("rotation: 15", "rotation: 16"), ("const z_dim = 8", "const z_dim = 9"),
                     ('"{out}/epoch-{epoch}.png")', '"{out}/{epoch}.png")')]:
        check(old in text)
        write(path, text.replace(old, new))
        refuses(RUN, DNET, "edited.dnet", "train", "--resume", CHECKPOINT, cwd=cwd,
                says=["edited.dnet has changed since the checkpoint was written", "hint: restore(...)"])
    os.remove(path)
    refuses(RUN, DNET, "-D", "z_dim=9", TINY_GAN, "train", "--resume", CHECKPOINT, cwd=cwd, says=["has changed"])


def test_data(cwd):
    resume = [DNET, TINY_GAN, "train", "--resume", CHECKPOINT]
    digits = os.path.join(cwd, "digits.idx")
    kept = read(digits)
    write_mnist(digits, 0, 95)
    refuses(RUN, *resume, cwd=cwd, says=["the data have changed since the checkpoint was written: "])
    write_mnist(digits, 1, 96)
    refuses(RUN, *resume, cwd=cwd, says=["the data have changed since the checkpoint was written: "])
    write(digits, kept[:-1])
    refuses(RUN, *resume, cwd=cwd, says=["digits.idx"])
    os.remove(digits)
    refuses(RUN, *resume, cwd=cwd, says=["digits.idx", "No such file"])
    write(digits, kept)
    run_ok(*resume, cwd=cwd)


def test_folder_data():
    cwd = folder()
    write(os.path.join(cwd, "mean.dnet"), FOLDER)
    for i in range(6):
        write(os.path.join(cwd, f"images/{i}.png"), png_bytes(8, 8, 3, lambda x, y: (x * i, y * 9, i)))
    run_ok(DNET, "mean.dnet", "train", "--images", "images", cwd=cwd)
    resume = [DNET, "mean.dnet", "train", "--resume", "out/mean.ckpt"]
    before = files(cwd)
    run_ok(*resume, cwd=cwd)
    check(files(cwd) == before)
    extra = write(os.path.join(cwd, "images/6.png"), png_bytes(8, 8, 3, lambda x, y: (9, y * 9, x)))
    refuses(RUN, *resume, cwd=cwd, says=["the data have changed since the checkpoint was written: "])
    os.remove(extra)
    os.rename(os.path.join(cwd, "images/5.png"), os.path.join(cwd, "images/9.png"))
    refuses(RUN, *resume, cwd=cwd, says=["the data have changed since the checkpoint was written: "])
    os.remove(os.path.join(cwd, "images/9.png"))
    refuses(RUN, *resume, cwd=cwd, says=["the data have changed since the checkpoint was written: "])
    shutil.rmtree(os.path.join(cwd, "images"))
    refuses(RUN, *resume, cwd=cwd, says=["images", "No such file"])


def test_damage(cwd):
    whole = read(os.path.join(cwd, CHECKPOINT))
    header = 8 + int.from_bytes(whole[:8], "little")
    damaged = {
        "empty": b"", "short": whole[:5], "header": whole[:header - 9], "data": whole[:header + 100],
        "last": whole[:-1], "longer": whole + b"\0", "text": b"hello", "length": b"\xff" * 8 + whole[8:],
        "json": whole[:9] + b"?" + whole[10:], "state": whole.replace(b'\\"steps\\":', b'\\"stept\\":'),
        "pc": whole.replace(b'\\"pc\\":', b'\\"pc\\":9'), "png": read(os.path.join(cwd, "out/epoch-1.png")),
    }
    for name, data in damaged.items():
        check(data != whole, name)
        write(os.path.join(cwd, name + ".ckpt"), data)
        refuses(RUN, DNET, TINY_GAN, "train", "--resume", name + ".ckpt", cwd=cwd, says=[name + ".ckpt: "])
        if name not in ("state", "pc"):  # the parameters are whole
            refuses(RUN, DNET, TINY_GAN, "sample", "--weights", name + ".ckpt", cwd=cwd,
                    says=["tiny_gan.dnet:", name + ".ckpt: "])
        os.remove(os.path.join(cwd, name + ".ckpt"))
    refuses(RUN, DNET, TINY_GAN, "train", "--resume", "none.ckpt", cwd=cwd, says=["none.ckpt", "No such file"])
    refuses(RUN, DNET, TINY_GAN, "train", "--resume", "out", cwd=cwd, says=["out", "not a regular file"])
    refuses(RUN, DNET, TINY_GAN, "sample", "--weights", "none.ckpt", cwd=cwd, says=["none.ckpt", "No such file"])


def test_log(cwd):
    resume = [DNET, TINY_GAN, "train", "--resume", CHECKPOINT]
    log = os.path.join(cwd, "out/losses.csv")
    kept = read(log)
    write(log, kept[:-5])
    refuses(RUN, *resume, cwd=cwd, says=["losses.csv"])
    os.remove(log)
    refuses(RUN, *resume, cwd=cwd, says=["losses.csv", "No such file"])
    write(log, kept + b"11,0.5,0.5\n")
    run_ok(*resume, cwd=cwd)
    check(read(log) == kept, "rows after the checkpoint stay in the log")


def test_unwritable(cwd):
    """A checkpoint that cannot be written is an error, and what there was before stays."""
    write(os.path.join(cwd, "file"), "a file")
    train = [DNET, TINY_GAN, "train", "--images", "digits.idx", "--take-n", "80"]
    refuses(RUN, *train, "--out", "file", cwd=cwd, says=["file"])
    refuses(RUN, *train, "--out", "/proc/nowhere", cwd=cwd, says=["/proc/nowhere"])


def test_weights(cwd):
    write(os.path.join(cwd, "generator.dnet"), GENERATOR + DRAW + COPY)
    write(os.path.join(cwd, "more.dnet"), GENERATOR + MORE + DRAW)
    write(os.path.join(cwd, "wider.dnet"), GENERATOR.replace("(4, kernel", "(5, kernel") + DRAW)
    write(os.path.join(cwd, "stranger.dnet"), STRANGER)

    # A checkpoint serves a program with a part of its networks, and so do the weights which that writes.
    run_ok(DNET, "generator.dnet", "draw", "--weights", CHECKPOINT, cwd=cwd)
    shape, dtype, drawn = read_npy(os.path.join(cwd, "drawn.npy"))
    check(shape == (16, 28, 28, 1) and dtype == "<f4" and len(drawn) == 4 * 16 * 28 * 28, shape, dtype)
    run_ok(DNET, "generator.dnet", "copy", "--weights", CHECKPOINT, "--out", "new/g.safetensors", cwd=cwd)
    weights, metadata = read_safetensors(os.path.join(cwd, "new/g.safetensors"))
    everything, _ = read_safetensors(os.path.join(cwd, CHECKPOINT))
    check(weights and all(everything[name] == weights[name] for name in weights), "copied weights differ")
    check(all(name.startswith("G.") and "adam" not in name for name in weights), sorted(weights))
    check("dnet.checkpoint" not in metadata)
    run_ok(DNET, "generator.dnet", "draw", "--weights", "new/g.safetensors", "--out", "again.npy", cwd=cwd)
    check(read(os.path.join(cwd, "again.npy")) == read(os.path.join(cwd, "drawn.npy")), "restored weights differ")

    # And back: the whole program takes them, and says what it lacks.
    said = run_ok(DNET, TINY_GAN, "sample", "--weights", "new/g.safetensors", cwd=cwd).err
    check("not there, so unchanged: D." in said and "adam" not in said, said)
    check_png(os.path.join(cwd, "samples.png"), 4 * 30 - 2, 4 * 30 - 2, 1)
    said = run_ok(DNET, "more.dnet", "draw", "--weights", CHECKPOINT, "--out", "more.npy", cwd=cwd).err
    check("unchanged: C.dense.kernel, C.dense.bias\n" in said, said)
    check(read(os.path.join(cwd, "more.npy")) == read(os.path.join(cwd, "drawn.npy")))

    refuses(RUN, DNET, "wider.dnet", "draw", "--weights", CHECKPOINT, "--out", "no.npy", cwd=cwd,
            says=["wider.dnet:", "G.conv2d_transpose.kernel is f32[4, 4, 4, 4] in the file, but f32[4, 4, 5, 4]"])
    refuses(RUN, DNET, "stranger.dnet", "show", "--weights", CHECKPOINT, cwd=cwd,
            says=["none of its", "is a variable of stranger"])
    refuses(RUN, DNET, TINY_GAN, "train", "--resume", "new/g.safetensors", cwd=cwd,
            says=["no checkpoint, only tensors", "hint: restore(...)"])


def test_empty_log(cwd):
    """A run that ended before its first row leaves nothing that is in the way."""
    train = [DNET, TINY_GAN, "train", "--images", "digits.idx", "--take-n", "80", "--out", "failed"]
    run_fails(RUN, *train, "--every", "-1", cwd=cwd, says=["`every` of checkpoint should be at least 0, not -1"])
    check(files(os.path.join(cwd, "failed")).keys() == {"losses.csv"})
    run_ok(*train, "--epochs", "1", cwd=cwd)
    refuses(RUN, *train, "--epochs", "1", cwd=cwd, says=["failed/losses.csv exists"])


def test_streams(cwd):
    """Output that cannot be written is a failure; closed streams do no harm to other files."""
    write(os.path.join(cwd, "prints.dnet"), PRINTS)
    run_ok(DNET, "prints.dnet", "go", cwd=cwd)
    rows = read(os.path.join(cwd, "prints.csv"))
    check(rows == b"step,i\n0,1\n0,2\n", rows)
    for closed, code in [(">&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 0), (">/dev/full", RUN)]:
        os.remove(os.path.join(cwd, "prints.csv"))
        result = run("sh", "-c", f'"$0" prints.dnet go {closed}', DNET, cwd=cwd)
        check(result.code == code, closed, result)
        check(read(os.path.join(cwd, "prints.csv")) == rows, closed, read(os.path.join(cwd, "prints.csv")))


def main():
    cwd = prepare()
    test_overwrite(cwd)
    test_finished(cwd)
    test_flags(cwd)
    test_program(cwd)
    test_data(cwd)
    test_folder_data()
    test_damage(cwd)
    test_log(cwd)
    test_unwritable(cwd)
    test_weights(cwd)
    test_empty_log(cwd)
    test_streams(cwd)
    finish()


main()
