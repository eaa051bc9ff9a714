"""golden_test.py on programs compiled for a GPU, which run on the simulated one (tests/cudasim).

cuda_golden_test.py BUILD_DIR [GROUP ...]
"""
import os
import subprocess
import sys
import tempfile

from golden_test import GROUPS, Test, check


class OnGpu(Test):
    def __init__(self, build, folder):
        super().__init__(build)
        self.dnetc = os.path.join(build, "dnetc")
        self.driver = os.path.join(build, "tests", "cudasim", "libcuda.so.1")
        self.folder = folder

    def command(self, source, arguments):
        program = os.path.join(self.folder, os.path.basename(source) + "-gpu")
        if not os.path.exists(program):
            subprocess.run([self.dnetc, source, "-target", "cuda", "--precision", "f64", "-o", program], check=True)
        return [program, *arguments], {**os.environ, "DNET_CUDA_DRIVER": self.driver}


def main():
    # What takes the simulator many minutes: a DCGAN of 64x64 images, random numbers by the million, and with
    # sanitizers the article's GAN.
    slow = {"dcgan64", "random"} | ({"article"} if os.path.basename(os.path.abspath(sys.argv[1])) == "debug" else set())
    groups = sys.argv[2:] or [name for name in GROUPS if name not in slow]
    with tempfile.TemporaryDirectory() as folder:
        return check(OnGpu(os.path.abspath(sys.argv[1]), folder), groups)


sys.exit(main())
