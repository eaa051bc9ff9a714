"""--profile and --trace: what a run took adds up, and the trace is JSON that a browser can show."""
import json
import os
import re

from endtoend import DNET, DNETC, MNIST, TINY_GAN, check, check_in, finish, folder, read, run_fails, run_ok

STEPS = 20
TRAIN = [TINY_GAN, "train", "--images", MNIST, "--take-n", str(16 * STEPS), "--epochs", "1"]


def rows(text, head):
    """The cells of the lines below the one that begins with `head`, up to an empty line."""
    below = text[text.index(head):].split("\n\n")[0]
    return [re.split(r"  +", line.strip()) for line in below.split("\n")[1:] if line]


def us(heading, row):
    """What a kernel took: the unit, ms or us, is that of the whole table."""
    return float(row[7]) * {"took us": 1, "took ms": 1000}[heading[7]]


def test_profile():
    cwd = folder()
    result = run_ok(DNET, "--profile", *TRAIN, "--threads", "2", cwd=cwd)
    check_in("wrote out/gan.ckpt", result.out)  # only what the program says; the profile is on stderr
    times = {row[0]: row[1:] for row in rows(result.err, "profile of tiny_gan")}
    check(times["train_step"][0] == str(STEPS), times)
    check(times["waiting for data"][0] == str(STEPS + 1), times)  # the last time there were none left
    check(set(times) >= {"runs", "first values", "compiling", "everything else"}, times)
    shares = [float(row[-1].rstrip("%")) for name, row in times.items() if name != "runs"]
    check(abs(sum(shares) - 100) < 1 and min(shares) >= 0, times)

    check_in(f"cost of train_step, mean of {STEPS} runs, at ", result.err)
    check_in("GB/s with 2 threads\n", result.err)
    check("cost of init" not in result.err, result)
    costs = rows(result.err, "cost of train_step")
    names = {row[1] for row in costs[1:-1]}
    check(names >= {"conv", "conv_input", "conv_weight", "dot", "normal"}, names)
    check(any(re.search(r"tiny_gan\.dnet:8$", row[2]) for row in costs[1:-1]), costs)
    took = [us(costs[0], row) / 1000 for row in costs[1:-1]]
    mean = float(times["train_step"][1])
    check(min(took) >= 0 and 0.1 * mean < sum(took) < 1.01 * mean, sum(took), mean)

    # The same kernels as are predicted, with the same work.
    predicted = rows(run_ok(DNETC, TINY_GAN, "--report=cost", cwd=cwd).out, "cost of train_step")
    check([row[1:2] + row[3:6] for row in predicted[1:-1]] == [row[1:2] + row[3:6] for row in costs[1:-1]],
          predicted, costs)


def test_trace():
    cwd = folder()
    result = run_ok(DNET, "--trace=trace.json", *TRAIN, cwd=cwd)
    check("profile of" not in result.err, result)
    events = json.loads(read(os.path.join(cwd, "trace.json")))
    check(events[0]["args"]["name"] == "tiny_gan", events[0])
    steps = [e for e in events if e["ph"] == "X" and e["name"] == "train_step"]
    check(len(steps) == STEPS and all(e["cat"] == "entry" for e in steps), len(steps))
    check(all(a["ts"] + a["dur"] <= b["ts"] for a, b in zip(steps, steps[1:])), steps)
    kernels = [e for e in events if e["ph"] == "X" and e["cat"] == "kernel"]
    begin, end = steps[0]["ts"], steps[0]["ts"] + steps[0]["dur"] + 1
    first = [e for e in kernels if begin <= e["ts"] and e["ts"] + e["dur"] <= end]
    check(len(first) > 10 and all(re.search(r"tiny_gan\.dnet:\d+$|^-$", e["args"]["line"]) for e in first), first)
    check(any(e["args"]["GFLOP"] > 0 for e in first), first)
    waits = [e for e in events if e["ph"] == "X" and e["cat"] == "host"]
    check({e["name"] for e in waits} == {"waiting for data", "compiling"}, waits)
    # Of an entry there are 2000 kernels, and a note that there were more.
    notes = [e["name"] for e in events if e["ph"] == "i"]
    check(notes == (["train_step: kernels beyond the first 2000 are left out"] if len(first) * STEPS > 2000 else []),
          notes, len(first))


def test_refusals():
    cwd = folder()
    run_fails(1, DNET, "--trace", "no/such/folder.json", *TRAIN, cwd=cwd,
              says=["dnet: error: no/such/folder.json: No such file"])
    run_fails(1, DNET, "--trace=/dev/full", *TRAIN, cwd=cwd, says=["dnet: error: /dev/full: "])
    # What fails is told; where nothing ran there is no profile.
    result = run_fails(1, DNET, "--profile", TINY_GAN, "sample", "--weights", "none", cwd=cwd,
                       says=["none: No such file"])
    check("cost of" not in result.err, result)


test_profile()
test_trace()
test_refusals()
finish()
