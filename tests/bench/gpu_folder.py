"""Makes build/gpu-bench: what gpu.py needs on a machine with a GPU, without dnet's compiler."""
import os
import shutil

import library
import tools

FOLDER = os.path.join(tools.BUILD, "gpu-bench")
SCRIPTS = ["gpu.py", "gpu_ops.py", "torch_step.py", "jax_step.py", "jax_conv.py", "sides.py"]
STEPS = ["seed28", "dcgan64", "lenet128"]
PRECISIONS = ["tf32", "bf16", "f32"]
GEMM = 4096
GPUS = "cuda:sm_80,cuda:sm_90a"  # a program takes the best that the card has


def compile_all():
    shapes = [("conv-" + "-".join(map(str, shape)),
               dict(zip(("batch", "size", "inputs", "filters", "kernel", "stride"), shape)))
              for shape in library.SHAPES]
    programs = [(name, name, {}) for name in STEPS] + [("gemm", "gemm", {"size": GEMM})]
    programs += [("conv", name, constants) for name, constants in shapes]
    for number, (source, name, constants) in enumerate(programs):
        tools.say(f"compiling {number + 1} of {len(programs)}: {name}")
        settings = [part for key, value in constants.items() for part in ("-D", f"{key}={value}")]
        for precision in PRECISIONS:
            tools.run(tools.DNETC, os.path.join(tools.HERE, source + ".dnet"), "-target", GPUS,
                      "--precision", precision, "-o", os.path.join(FOLDER, f"{name}-{precision}"), *settings)


def make():
    os.makedirs(FOLDER, exist_ok=True)
    for name in SCRIPTS:
        shutil.copy(os.path.join(tools.HERE, name), FOLDER)
    with open(os.path.join(FOLDER, "shapes.txt"), "w") as file:
        file.writelines(" ".join(map(str, shape)) + "\n" for shape in library.SHAPES)
    compile_all()
    print(f"made {FOLDER}: copy it to a machine with a GPU, and run there: python3 gpu-bench/gpu.py")
