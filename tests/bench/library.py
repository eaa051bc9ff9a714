"""Single operations: a matrix product beside OpenBLAS and oneDNN, convolutions beside oneDNN."""
import glob
import os
import statistics

import tools

SIZE = 2048

# Batch, size, channels in, channels out, kernel, stride: 0.8 to 15 GFLOP.
SHAPES = [
    (16, 224, 3, 64, 7, 2), (128, 64, 3, 64, 4, 2), (64, 128, 3, 32, 3, 1), (128, 32, 64, 128, 4, 2),
    (128, 16, 128, 256, 4, 2), (128, 8, 256, 512, 4, 2), (128, 14, 64, 128, 5, 2), (64, 28, 32, 64, 5, 1),
    (32, 56, 64, 64, 3, 1), (32, 28, 128, 128, 3, 1), (32, 14, 256, 256, 3, 1), (64, 7, 512, 512, 3, 1),
    (64, 56, 64, 128, 3, 2), (64, 14, 256, 512, 3, 2), (32, 56, 64, 256, 1, 1), (64, 28, 512, 128, 1, 1),
    (64, 28, 256, 512, 1, 2), (64, 16, 48, 96, 5, 1), (32, 64, 16, 32, 7, 1), (64, 60, 24, 40, 3, 1),
]
QUICK_SHAPES = SHAPES[1:20:5]
DIRECTIONS = ("forward", "to the input", "to the kernel")


def onednn_sides():
    """{version: (program, environment)}: the current release, which has SYCL and TBB, and the last with OpenMP."""
    sides = {}
    # The current one computes in threads of its own only as an OpenCL device.
    for folder, name, extra in ((tools.VENV, "oneDNN 3, TBB", {"OCL_ICD_FILENAMES": "libintelocl.so"}),
                                (tools.GOMP, "oneDNN 3, OpenMP", {})):
        lib, include = os.path.join(folder, "lib"), os.path.join(folder, "include")
        if not os.path.exists(os.path.join(lib, "libdnnl.so")):
            tools.missing.append(f"{name}: not in {os.path.relpath(folder, tools.ROOT)}; ./dev bench --setup")
            continue
        if extra:
            extra = {"OCL_ICD_FILENAMES": os.path.join(lib, extra["OCL_ICD_FILENAMES"])}
        try:
            program = tools.compile_c("onednn_bench", "-I" + include, "-L" + lib, "-ldnnl",
                                      "-Wl,--allow-shlib-undefined", output="onednn-" + os.path.basename(folder))
        except tools.Failed as error:
            tools.missing.append(f"{name}: {error}")
            continue
        sides[name] = (program, {"LD_LIBRARY_PATH": lib, **extra})
    return sides


def openblas():
    """(name, program): PyPI's current OpenBLAS, else the system's."""
    found = glob.glob(os.path.join(tools.VENV, "lib/python3*/site-packages/scipy_openblas32/lib/libscipy_openblas.so"))
    if found:
        name, flags = f"OpenBLAS {tools.python_has('scipy-openblas32')}", [
            "-DSGEMM=scipy_cblas_sgemm", found[0], "-Wl,-rpath," + os.path.dirname(found[0])]
    else:
        name, flags = "OpenBLAS of the system", ["-DSGEMM=cblas_sgemm", "-lopenblas"]
    return name, tools.compile_c("blas_bench", *flags)


def take_turns(what, sides, rounds):
    """{side: rows of times}; a side that fails is left out from then on."""
    times = {side: [] for side in sides}
    for _ in range(rounds):
        for side, start in list(sides.items()):
            try:
                times[side] += start().rows("times")
            except tools.Failed as error:
                (tools.broken if side == "dnet" else tools.missing).append(f"{what}, {side}: {error}")
                del sides[side]
    return {side: rows for side, rows in times.items() if rows}


def gemm(quick):
    times = "5" if quick else "20"
    program = tools.compile_dnet("gemm", size=SIZE)
    sides = {"dnet": lambda: tools.run(program, "bench", "--times", times, "--threads", str(tools.THREADS))}
    try:
        name, blas = openblas()
        sides[name] = lambda: tools.run(blas, str(SIZE), times)
    except tools.Failed as error:
        tools.missing.append(f"OpenBLAS: {error}")
    for name, (onednn, extra) in onednn_sides().items():
        sides[name] = lambda onednn=onednn, extra=extra: tools.run(onednn, "gemm", str(SIZE), times, extra=extra)
    tools.say(f"gemm: {', '.join(sides)}")
    tools.peak.measure()
    found = take_turns("gemm", sides, 1 if quick else 4)
    tools.peak.measure()
    gflop = 2 * SIZE ** 3 / 1e9
    rows = []
    for side, seconds in found.items():
        seconds = [row[0] for row in seconds]
        best = min(seconds)
        rows.append([side, f"{best * 1e3:.1f}", f"{statistics.median(seconds) * 1e3:.1f}", f"{gflop / best:.0f}",
                     f"{gflop / best / tools.peak.best:.0%}"])
    tools.table(f"gemm: {SIZE} x {SIZE} x {SIZE}, f32, plain matrices", ["side", "min ms", "median ms", "GFLOP/s",
                                                                         "of peak"], rows)
    others = [min(row[0] for row in seconds) for side, seconds in found.items() if side != "dnet"]
    if "dnet" in found and others:
        ratio = min(others) / min(row[0] for row in found["dnet"])
        tools.note(f"dnet is {ratio:.2f} times as fast as the best of the others by the minimum")


def gflop_of(shape):
    batch, size, inputs, filters, kernel, stride = shape
    out = (size + 2 * ((kernel - 1) // 2) - kernel) // stride + 1
    return 2 * batch * out * out * kernel * kernel * inputs * filters / 1e9


def measure_shape(shape, onednn, times, rounds):
    """{side: [min seconds for each direction]}"""
    names = ("batch", "size", "inputs", "filters", "kernel", "stride")
    program = tools.compile_dnet("conv", **dict(zip(names, shape)))
    sides = {"dnet": lambda: tools.run(program, "bench", "--times", str(times), "--threads", str(tools.THREADS))}
    for name, (other, extra) in onednn.items():
        sides[name] = lambda other=other, extra=extra: tools.run(
            other, "conv", *map(str, shape), str(times), extra=extra)
    found = take_turns(f"conv {shape}", sides, rounds)
    return {side: [min(column) for column in zip(*rows)] for side, rows in found.items()}


def conv(quick):
    onednn = onednn_sides()
    rows, ratios = [], {direction: [] for direction in DIRECTIONS}
    tools.peak.measure()
    shapes = QUICK_SHAPES if quick else SHAPES
    for i, shape in enumerate(shapes):
        batch, size, inputs, filters, kernel, stride = shape
        name = f"{batch} x {size}x{size}x{inputs} to {filters}, {kernel}x{kernel}/{stride}"
        tools.say(f"conv: {i + 1} of {len(shapes)}, {name}")
        try:
            found = measure_shape(shape, onednn, 3 if quick else 6, 1 if quick else 3)
        except tools.Failed as error:
            tools.broken.append(f"conv {name}: {error}")
            continue
        mine, others = found.pop("dnet", None), list(found.values())
        row = [name, f"{gflop_of(shape):.1f}"]
        for k, direction in enumerate(DIRECTIONS):
            best = min((seconds[k] for seconds in others), default=None)
            row += [f"{gflop_of(shape) / s:.0f}" if s else "-" for s in (mine and mine[k], best)]
            if mine and best:
                ratios[direction].append((best / mine[k], name))
                row.append(f"{best / mine[k]:.2f}")
            else:
                row.append("-")
        rows.append(row)
    tools.peak.measure()
    head = ["images, channels, kernel/stride", "GFLOP"]
    for direction in DIRECTIONS:
        head += [direction, "oneDNN", "ratio"]
    tools.table("conv: GFLOP/s by the minimum, dnet and oneDNN; the ratio is dnet's", head, rows)
    tools.note("oneDNN: the faster of its two builds each time, in the layouts that it prefers, no reorders counted; "
               "dnet packs the kernel inside the measured time")
    report_ratios(ratios)


def report_ratios(ratios):
    everything = [pair for pairs in ratios.values() for pair in pairs]
    if not everything:
        return
    for title, pairs in [*ratios.items(), ("all", everything)]:
        if pairs:
            worst, where = min(pairs)
            tools.note(f"{title}: geometric mean {tools.geometric_mean([r for r, _ in pairs]):.2f}, "
                       f"worst {worst:.2f} ({where})")
