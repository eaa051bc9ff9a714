"""Ctrl-C: once, and a run finishes its step, saves and says how to go on; twice, and it ends at once."""
import os
import random
import re
import signal
import subprocess
import time

from endtoend import (DNET, MNIST, TIMEOUT, TINY_GAN, check, check_in, environment, finish, folder, parse_checkpoint,
                      read, run_ok, sha256, write)

CHECKPOINT = "out/gan.ckpt"
FLAGS = ["train", "--images", MNIST]
INTERRUPTED = 130

random.seed(28)

# Training without a checkpoint, of one long step after another.
UNSAVED = """
net Line(x: f32[N, 1]) -> f32[N, 1] { dense(x, 1) }
model M = Line
step learn(x: f32[4, 1]) {
    loss = mse(M(x), 2 * x)
    minimize loss over M with sgd(lr: 1e-3)
    return {loss}
}
command train() {
    print("begins")
    for i in 1..1000000000 { learn(normal([4, 1])) }
}
"""


def start(cwd, *args):
    return subprocess.Popen([DNET, *args], cwd=cwd, env=environment(), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def rows(cwd):
    try:
        return read(os.path.join(cwd, "out/losses.csv")).count(b"\n") - 1
    except FileNotFoundError:
        return -1


def wait_for_rows(process, cwd, count):
    deadline = time.monotonic() + TIMEOUT
    while process.poll() is None and rows(cwd) < count and time.monotonic() < deadline:
        time.sleep(0.002)


def end(process):
    out, err = process.communicate(timeout=TIMEOUT)
    out, err = out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
    check("Sanitizer" not in err and "runtime error" not in err, err)
    return process.returncode, out, err


def test_once(name, reference):
    """Interrupted and resumed till the end; each time it is interrupted a few steps further on."""
    cwd, interrupted, flags = folder(), 0, []
    for _ in range(100):
        before = max(rows(cwd), 0)
        process = start(cwd, TINY_GAN, *FLAGS, *flags)
        wait_for_rows(process, cwd, before + random.randint(1, 9))
        process.send_signal(name)
        code, out, err = end(process)
        if code == 0:
            break
        interrupted += 1
        flags = ["--resume", CHECKPOINT]
        check(code == INTERRUPTED, code, err)
        said = re.search(rf"interrupted: saved {CHECKPOINT} at step (\d+); go on with --resume {CHECKPOINT}\n", err)
        if not check(said, err):
            break
        check_in(CHECKPOINT, out)
        _, state = parse_checkpoint(read(os.path.join(cwd, CHECKPOINT)))
        check(state["steps"] == int(said[1]) and state["steps"] >= before, state["steps"], said[1], before)
        # The step was finished: its row is in the log, or comes with the next instruction.
        check(state["steps"] - rows(cwd) in (0, 1), state["steps"], rows(cwd))
    check(interrupted > 3, "interrupted only", interrupted, "times")
    check(code == 0 and sha256(os.path.join(cwd, CHECKPOINT)) == reference, "other results after interruptions")
    return interrupted


def test_twice():
    """Steps of a second or so: the first signal waits for the step's end, the second does not."""
    cwd = folder()
    process = start(cwd, "-D", "batch=5000", "-D", "z_dim=12000", TINY_GAN, *FLAGS, "--take-n", "10000",
                    "--every", "0")
    while process.poll() is None and not os.path.exists(os.path.join(cwd, CHECKPOINT)):
        time.sleep(0.002)
    before = sha256(os.path.join(cwd, CHECKPOINT))
    wait_for_rows(process, cwd, 1)
    time.sleep(0.2)  # between two steps the first signal would be the last: the row is written there
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    check(process.poll() is None, "the step did not last")
    process.send_signal(signal.SIGINT)
    code, _, err = end(process)
    seconds = time.monotonic() - begin
    check(code == INTERRUPTED and seconds < 1, code, seconds, err)
    check("saved" not in err, err)
    check(sha256(os.path.join(cwd, CHECKPOINT)) == before, "the checkpoint changed")


def test_unsaved():
    cwd = folder()
    write(os.path.join(cwd, "unsaved.dnet"), UNSAVED)
    process = start(cwd, "unsaved.dnet", "train")
    check(process.stdout.readline() == b"begins\n")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    code, _, err = end(process)
    check(code == INTERRUPTED and re.fullmatch(r"interrupted at step \d+; nothing was saved\n", err), code, err)


def test_start_up():
    """Before the first checkpoint nothing is lost; a signal then ends the program, whatever it does."""
    for i in range(20):
        cwd = folder()
        process = start(cwd, TINY_GAN, *FLAGS)
        time.sleep(i * 0.004)
        process.send_signal(signal.SIGINT)
        code, _, err = end(process)
        check(code == INTERRUPTED or code == -signal.SIGINT, code, err)
        if os.path.exists(os.path.join(cwd, CHECKPOINT)):
            parse_checkpoint(read(os.path.join(cwd, CHECKPOINT)))


def main():
    cwd = folder()
    run_ok(DNET, TINY_GAN, *FLAGS, cwd=cwd)
    reference = sha256(os.path.join(cwd, CHECKPOINT))
    print(test_once(signal.SIGINT, reference), "times interrupted,", test_once(signal.SIGTERM, reference), "terminated")
    test_twice()
    test_unsaved()
    test_start_up()
    finish()


main()
