"""A training run that is killed 100 times ends with the same bits as one that is not.

Runs of tiny_gan.dnet are killed (SIGKILL) at random moments and resumed, or started anew while there is no
checkpoint, with whatever number of threads and workers; when a run gets to its end, its checkpoint, log and images
are compared with those of an uninterrupted run, and the next run begins. After each kill what the run has left is
looked at: the checkpoint is whole at any moment.
"""
import glob
import hashlib
import os
import random
import signal
import subprocess
import threading
import time

from endtoend import (DNET, MNIST, TINY_GAN, check, environment, finish, folder, parse_checkpoint, read, read_png,
                      run_ok)

KILLS = 100          # of runs that save now and then
WRITING_KILLS = 20   # of runs that save after every step, each while a checkpoint is being written
STEPS, EPOCHS = 60, 3
OUT = "out"
CHECKPOINT = os.path.join(OUT, "gan.ckpt")

random.seed(28)


def train(every, *flags):
    return [DNET, TINY_GAN, "train", "--images", MNIST, "--every", str(every), *flags]


def results(cwd):
    names = ["gan.ckpt", "losses.csv"] + [f"epoch-{i}.png" for i in range(1, EPOCHS + 1)]
    return {name: hashlib.sha256(read(os.path.join(cwd, OUT, name))).hexdigest() for name in names}


def partial_files(cwd):
    return glob.glob(os.path.join(cwd, CHECKPOINT + ".tmp-*"))


class Reference:
    """An uninterrupted run, and what other runs have to agree with."""

    def __init__(self, every):
        self.every = every
        self.cwd = folder()
        begin = time.monotonic()
        process = subprocess.Popen(train(every), cwd=self.cwd, env=environment(), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        while process.poll() is None and not os.path.exists(os.path.join(self.cwd, CHECKPOINT)):
            time.sleep(0.001)
        self.start_up = time.monotonic() - begin  # until the first checkpoint
        check(process.wait() == 0, "the uninterrupted run fails")
        self.seconds = time.monotonic() - begin
        self.results = results(self.cwd)
        self.log = read(os.path.join(self.cwd, OUT, "losses.csv"))
        self.checkpoints = {}  # where a run stood: the checkpoint's hash
        check(self.log.count(b"\n") == STEPS + 1, self.log)

    def look(self, cwd):
        """What a killed run has left. Returns whether there is a checkpoint."""
        for path in glob.glob(os.path.join(cwd, OUT, "*.png")):
            try:
                read_png(path)
            except ValueError as e:
                check(False, path, e)
        if not os.path.exists(os.path.join(cwd, CHECKPOINT)):
            return False
        data = read(os.path.join(cwd, CHECKPOINT))
        try:
            _, state = parse_checkpoint(data)
        except ValueError as e:
            return check(False, "after a kill the checkpoint is not whole:", e)
        place = state["steps"], str(state["frames"])
        digest = hashlib.sha256(data).hexdigest()
        check(self.checkpoints.setdefault(place, digest) == digest, "another checkpoint of step", state["steps"])
        log = read(os.path.join(cwd, OUT, "losses.csv"))
        offset = state["log"]["offset"]
        check(len(log) >= offset and self.log.startswith(log[:offset]), "the log is another before step",
              state["steps"])
        return True


def test_threads(reference):
    for flags in (["--workers", "1"], ["--workers", "2"], ["--workers", "7"], ["--threads", "1"], ["--threads", "2"],
                  ["--threads", "3"], ["--threads", "3", "--workers", "7"]):
        cwd, begin = folder(), time.monotonic()
        run_ok(*train(reference.every, *flags), cwd=cwd)
        check(results(cwd) == reference.results, "other results with", *flags)
        reference.seconds = min(reference.seconds, time.monotonic() - begin)
    cwd = folder()
    run_ok(*train(reference.every, "--seed", "1"), cwd=cwd)
    check(not set(results(cwd).values()) & set(reference.results.values()), "the seed has no effect")


def wait_for_moment(process, seconds):
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(max(0, min(deadline - time.monotonic(), 0.05)))


def wait_for_writing(process, cwd, count):
    """Until the `count`-th checkpoint is being written."""
    seen = set(os.listdir(os.path.join(cwd, OUT))) if os.path.isdir(os.path.join(cwd, OUT)) else set()
    name = f"{os.path.basename(CHECKPOINT)}.tmp-{process.pid}"
    there = False
    while process.poll() is None:
        try:
            was, there = there, name in os.listdir(os.path.join(cwd, OUT))
        except FileNotFoundError:
            continue
        count -= there and not was and name not in seen
        if count <= 0:
            return


class Killer:
    """Begins, kills and resumes runs, one at a time."""

    def __init__(self, reference):
        self.reference = reference
        self.kills = self.finished = self.begun = self.while_writing = 0
        self.anew()

    def anew(self):
        self.cwd = folder()
        self.checkpoint = False
        self.partial = set()

    def start(self):
        resume = ["--resume", CHECKPOINT] if self.checkpoint else []
        self.begun += not self.checkpoint
        flags = ["--workers", str(random.choice((1, 2, 7))), "--threads", str(random.choice((1, 2, 3)))]
        self.log = open(os.path.join(self.cwd, "messages"), "wb")
        return subprocess.Popen(train(self.reference.every, *flags, *resume), cwd=self.cwd, env=environment(),
                                stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def kill(self, moment):
        process = self.start()
        moment(process)
        process.send_signal(signal.SIGKILL)  # does nothing once poll() has seen the end
        code = process.wait()
        self.log.close()
        if code == -signal.SIGKILL:
            self.kills += 1
            now = set(partial_files(self.cwd))
            self.while_writing += len(now - self.partial)
            self.partial = now
            self.checkpoint = self.reference.look(self.cwd)
        else:
            self.end(code)

    def end(self, code):
        """A run that got to its end."""
        said = read(os.path.join(self.cwd, "messages")).decode("utf-8", "replace")
        if check(code == 0, "exit code", code, said):
            self.finished += 1
            check(results(self.cwd) == self.reference.results, "other results after kills")
        self.anew()

    def go_on(self):
        """Lets the last run come to its end."""
        code = self.start().wait()
        self.log.close()
        self.end(code)


def test_kills(reference):
    killer = Killer(reference)
    training = reference.seconds - reference.start_up
    for _ in range(4 * KILLS):
        if killer.kills == KILLS:
            break
        kind = random.random()
        if kind < 0.25:  # while it is loaded, the program compiled, the data read
            seconds = random.uniform(0, reference.start_up)
            killer.kill(lambda p: wait_for_moment(p, seconds))
        elif kind < 0.75:  # while it trains
            seconds = reference.start_up + random.uniform(0, 0.6) * training
            killer.kill(lambda p: wait_for_moment(p, seconds))
        else:
            count = random.randint(1, 4)
            killer.kill(lambda p: wait_for_writing(p, killer.cwd, count))
    kills = killer.kills
    while killer.finished <= 3:  # a fast program is killed so often that few runs come to their end
        killer.kill(lambda p: wait_for_writing(p, killer.cwd, 2))
        killer.go_on()
    print(f"every {reference.every}: {killer.kills} kills, {killer.while_writing} of them while a checkpoint was "
          f"written; {killer.begun} times begun anew, {killer.finished} runs compared, "
          f"{len(reference.checkpoints)} different checkpoints seen")
    check(kills == KILLS, kills, "kills hit a run")
    check(killer.while_writing > 0 and killer.finished > 3)


def test_kills_while_writing(reference):
    killer = Killer(reference)
    for _ in range(20 * WRITING_KILLS):
        if killer.while_writing >= WRITING_KILLS:
            break
        count = random.randint(1, 8)
        killer.kill(lambda p: wait_for_writing(p, killer.cwd, count))
    kills = killer.kills
    while killer.finished <= 3:  # a fast program is killed so often that few runs come to their end
        killer.kill(lambda p: wait_for_writing(p, killer.cwd, 2))
        killer.go_on()
    print(f"every {reference.every}: {killer.kills} kills, {killer.while_writing} of them while a checkpoint was "
          f"written; {killer.finished} runs compared")
    check(killer.while_writing >= WRITING_KILLS)


def test_reading_meanwhile(reference):
    """A checkpoint that is replaced after every step is whole whenever it is read."""
    cwd, seen = folder(), set()
    process = subprocess.Popen(train(reference.every), cwd=cwd, env=environment(), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    running = True

    def wait():
        nonlocal running
        process.wait()
        running = False

    thread = threading.Thread(target=wait)
    thread.start()
    while running:
        try:
            seen.add(parse_checkpoint(read(os.path.join(cwd, CHECKPOINT)))[1]["steps"])
        except FileNotFoundError:
            if seen:
                check(False, "the checkpoint was gone")
        except ValueError as e:
            check(False, "a checkpoint that is not whole:", e)
    thread.join()
    print(f"{len(seen)} different checkpoints read while they were written")
    check(process.returncode == 0 and len(seen) > 3, seen)
    check(results(cwd) == reference.results)


def main():
    often, seldom = Reference(1), Reference(5)
    print(f"an uninterrupted run: {seldom.seconds:.2f} s, of them {seldom.start_up:.3f} until the first checkpoint")
    check(often.log == seldom.log, "the log depends on how often the run is saved")
    test_threads(seldom)
    seldom.start_up = min(seldom.start_up, often.start_up)
    test_kills(seldom)
    test_kills_while_writing(often)
    test_reading_meanwhile(often)
    finish()


main()
