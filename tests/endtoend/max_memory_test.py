"""--max-memory: what is computed again has the same bits, the program takes no more than it may, and where that
cannot be, the message says what holds the memory."""
import os
import re

from endtoend import DNET, DNETC, ROOT, check, finish, folder, read, run_fails, run_ok, sha256, write

MIB = 1 << 20
ERRORS = 1
GAN = os.path.join(ROOT, "examples/article/gan.dnet")
DCGAN = os.path.join(ROOT, "examples/dcgan/dcgan64.dnet")
RUN = """
command run() {
    let real = normal([batch, %s], seed: 3)
    log_to("losses.csv")
    for i in 1..2 { log train_step(real%s) }
    save_npy(G(normal([8, %s], seed: 1)), "made.npy")
}
"""


def report(*args, cwd):
    """Bytes that the program takes, of them the arena's, and what was said about fitting."""
    done = run_ok(DNETC, *args, "--report=memory", cwd=cwd)
    text = done.out[done.out.find("memory of the program"):]
    found = [re.search(rf"  {name} .* (\d+) bytes", text) for name in ("peak", "arena")]
    return [int(f.group(1)) if f else 0 for f in found] + [done.err]


def needed(limit, *args, cwd):
    """MiB that the program needs at least."""
    failed = run_fails(ERRORS, DNETC, *args, "--max-memory", str(limit), "--report=memory", cwd=cwd,
                       says=[" MiB, more than --max-memory=", "variables take ", "hint: ", "-D batch="])
    check(re.search(r"the rest is most at t\.dnet:\d+, which needs\n +[\d.]+ [KM]iB  (inside )?\w+ f32\[.*\] from \S+:\d+", failed.err),
          failed.err)
    found = re.search(r"train_step needs ([\d.]+) MiB", failed.err)
    check(found, failed.err)
    return float(found.group(1))


def results(cwd, *args):
    run_ok(DNET, *args, "t.dnet", "run", "--overwrite", cwd=cwd)
    return [sha256(os.path.join(cwd, name)) for name in ("losses.csv", "made.npy")]


def check_budgets(program, command, share_left, *options):
    """share_left: of the arena, what recomputation must be able to come below."""
    cwd = folder()
    write(os.path.join(cwd, "t.dnet"), read(program).decode() + command)
    whole, arena, _ = report(*options, "t.dnet", cwd=cwd)
    least = needed(whole - arena, *options, "t.dnet", cwd=cwd)
    variables = whole - arena  # and all else that is there at any time
    check(variables < least * MIB < variables + share_left * arena, least, whole / MIB, arena / MIB)
    check(report(*options, "t.dnet", "--max-memory", str(whole), cwd=cwd) == [whole, arena, ""])
    plain = results(cwd, *options)
    for share in (0.4, 1):  # of the way from nothing to what is least
        limit = int(whole - share * (whole - least * MIB))
        taken, _, said = report(*options, "t.dnet", "--max-memory", str(limit), cwd=cwd)
        check(0 < taken <= limit, program, taken, limit)
        how = r"by recomputing \d+ kernels?: [\d.]+% more FLOPs"
        if share < 1:
            how = f"({how}|in another order of kernels)"
        check(re.search(rf"train_step: [\d.]+ MiB fit into [\d.]+ MiB {how}", said), said)
        check(results(cwd, *options, "--max-memory", str(limit)) == plain, program, options, limit)
    run_fails(ERRORS, DNETC, *options, "t.dnet", "--max-memory=1M", "-o", "t", cwd=cwd,
              says=["no room for anything else in --max-memory=1M"])
    run_fails(ERRORS, DNET, *options, "--max-memory", str(int((least - 0.1) * MIB)), "t.dnet", "run", "--overwrite",
              cwd=cwd, says=["train_step", " needs "])


def test_gan():
    check_budgets(GAN, RUN % ("28, 28, 1", ", 1.0", "z_dim"), 0.787, "-D", "batch=32")


def test_dcgan():
    check_budgets(DCGAN, RUN % ("64, 64, 3", "", "nz"), 0.67, "-D", "batch=16", "-D", "ngf=8", "-D", "ndf=8", "-D", "nz=10")


test_gan()
test_dcgan()
finish()
