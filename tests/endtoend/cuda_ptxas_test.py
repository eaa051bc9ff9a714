"""Every example for Hopper in every precision: where ptxas is installed, it has nothing to warn of (a wgmma
that it would wait for, above all) and spills nothing."""
import os
import re
import subprocess

from endtoend import BUILD, DNETC, ROOT, check, finish, folder, run_ok

EXAMPLES = ("article/gan.dnet", "dcgan/dcgan64.dnet", "mnist/lenet.dnet")
PTXAS = "/usr/local/cuda/bin/ptxas"
SANITIZED = os.path.basename(BUILD) == "debug"


def assemble(ptx):
    path = os.path.join(folder(), "program.ptx")
    with open(path, "w") as file:
        file.write(ptx)
    return subprocess.run([PTXAS, "-arch=sm_90a", "-v", "-o", path + ".cubin", path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)


def test_example(example, precision):
    ptx = run_ok(DNETC, os.path.join(ROOT, "examples", example), "-target", "cuda:sm_90a",
                 f"--precision={precision}", "--emit=ptx", cwd=folder()).out
    by_wgmma = ptx.count("// wgmma ")
    if precision == "f32":
        check(by_wgmma == 0, example, by_wgmma)
    elif "dcgan" in example:
        check(by_wgmma > 10, example, precision, by_wgmma)
    if not os.access(PTXAS, os.X_OK):
        return
    done = assemble(ptx)
    check(done.returncode == 0 and "warning" not in done.stdout, example, precision, done.stdout)
    spills = re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores", done.stdout)
    check(spills and all(sizes == ("0", "0") for sizes in spills), example, precision, done.stdout)


def main():
    for example in EXAMPLES:
        for precision in ("tf32",) if SANITIZED else ("f32", "tf32", "bf16"):
            test_example(example, precision)
    finish()


main()
