"""Makes build/gpu-test: gpu_test.sh with the programs, cases and data that it needs.

gpu_folder.py BUILD_DIR
"""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CASES = [("ops", "f64"), ("ops", "f32"), ("ops", "tf32"), ("ops", "bf16"), ("random", "f32"), ("random", "tf32")]
GRAPHS = 512
GPUS = "cuda:sm_80,cuda:sm_90a"


def run(*command):
    print("+", *command, flush=True)
    subprocess.run(command, check=True)


def main():
    build = os.path.abspath(sys.argv[1])
    folder = os.path.join(build, "gpu-test")
    dnetc = os.path.join(build, "dnetc")
    for part in ("cases", "data"):
        os.makedirs(os.path.join(folder, part), exist_ok=True)
    shutil.copy(os.path.join(HERE, "gpu_test.sh"), os.path.join(folder, "run"))
    shutil.copy(os.path.join(build, "tests", "run_cases"), folder)
    for what in ("images-idx3", "labels-idx1"):
        shutil.copy(os.path.join(ROOT, "examples/data", f"t10k-{what}-ubyte.gz"),
                    os.path.join(folder, "data", what.split("-")[0] + ".gz"))
    for kind, precision in CASES:
        run(os.path.join(build, "tests", "make_cases"), kind, precision,
            os.path.join(folder, "cases", f"{kind}-{precision}.cases"), "1", str(GRAPHS))
    for name, source, precision in (("gan-f32", "article/gan", "f32"), ("gan-tf32", "article/gan", "tf32"),
                                    ("lenet", "mnist/lenet", "tf32")):
        run(dnetc, os.path.join(ROOT, "examples", source + ".dnet"), "-target", "x86," + GPUS, "--precision", precision,
            "-o", os.path.join(folder, name))
    print(f"made {folder}; on a machine with a GPU: gpu-test/run")


main()
