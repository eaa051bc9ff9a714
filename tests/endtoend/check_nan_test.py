"""A compiled program with --check-nan: the run that made a NaN is told, has changed nothing, and its file lets dnet name
the operation. Where nothing is wrong, nothing is different. On the processor and on the simulated GPU.
"""
import os
import shutil

from endtoend import (BUILD, DNET, DNETC, HERE, check, check_in, finish, folder, png_bytes, read, read_safetensors, run_fails,
                      run_ok, write)

SOURCE = os.path.join(HERE, "nan.dnet")
GPU = {"DNET_CUDA_DRIVER": os.path.join(BUILD, "tests", "cudasim", "libcuda.so.1")}
BLACK = 3  # the picture of which the logarithm is taken
ORIGIN = "error: `log` of nan.dnet:9:16 made -inf at [1, 0, 0, 0], in run 2 of fit\nnote: what went in: f32[2, 4, 4, 1] 0\n"


def place():
    """A folder with the program's text and six pictures of four pixels a side."""
    cwd = folder()
    shutil.copy(SOURCE, cwd)
    for i in range(6):
        value = 0 if i == BLACK else 40 * i + 10
        write(os.path.join(cwd, "images", f"c{i // 3}", f"{i}.png"), png_bytes(4, 4, 1, lambda x, y: (value,)))
    return cwd


def test_finite(program, device, cwd, **changes):
    """The losses and weights are those of a run that is not watched, to the bit."""
    files = []
    for flags in ([], ["--check-nan"]):
        run_ok(program, *flags, "main", *device, "--steps", 1, "--overwrite", cwd=cwd, **changes)
        files.append([read(os.path.join(cwd, name)) for name in ("log.csv", "weights.safetensors")])
    check(files[0] == files[1], "a watched run is another one")
    check(not os.path.exists(os.path.join(cwd, "nan.safetensors")))


def test_nan(program, device, cwd, **changes):
    result = run_fails(1, program, "--check-nan", "main", *device, "--overwrite", cwd=cwd, **changes, says=[
        "nan.dnet:22:13: error: `loss` of nan.dnet:10:12 is nan, in run 2 of fit\n",
        "note: `M.dense.kernel` of nan.dnet:4:66 has nan at [0, 0] (32 of 32 elements are not finite); `M.dense.bias` of ",
        "; and so on, 7 in all; the loop over data was at c0/2.png, c1/3.png\n",
        "hint: nan.safetensors has what this run was given; `dnet --replay nan.safetensors -D side=4 nan.dnet` names the "
        f"operation (`{program} --source` prints the program)\n"])
    check(result.out.count("loss") == 1, "losses before the NaN", result)


def test_file(cwd):
    """It has the variables as they were before the run: those that were saved after the one before."""
    before, _ = read_safetensors(os.path.join(cwd, "weights.safetensors"))
    given, run_of = read_safetensors(os.path.join(cwd, "nan.safetensors"))
    for name, tensor in before.items():
        check(given.get(name) == tensor, name, "is not as it was before the run")
    check(len(before) == 2 and run_of["entry"] == "fit" and run_of["step"] == "1", before, run_of)


def test_replay(program, cwd):
    """The operation is named by dnet, with the source that the program has inside."""
    elsewhere = folder()
    write(os.path.join(elsewhere, "nan.dnet"), run_ok(program, "--source", cwd=elsewhere).out)
    shutil.copy(os.path.join(cwd, "nan.safetensors"), elsewhere)
    run_fails(1, DNET, "--replay", "nan.safetensors", "-D", "side=4", "nan.dnet", cwd=elsewhere, says=[ORIGIN])


def test_result(program, cwd):
    """A result without a name, of what is no step."""
    run_ok(program, "--check-nan", "value", "--k=1", cwd=cwd)
    run_fails(1, program, "--check-nan", "value", "--k=-1", cwd=cwd, says=[
        "nan.dnet:29:33: error: the result of nan.dnet:29:33 has nan at [0, 0] (6 of 6 elements are not finite)\nhint: "])
    run_fails(1, DNET, "--replay", "nan.safetensors", "nan.dnet", cwd=cwd, says=["`log` of nan.dnet:29:33 made nan at"])


FIRST = """net Net(x: f32[N, 2]) -> f32[N, 2] {
    param w: f32[2] = normal_init(deviation: 1 / 0)
    x * w
}
model M = Net
command main() { print(M(ones([1, 2]))) }
"""


def test_first_value(cwd):
    """The first value of a parameter, which an entry of its own makes."""
    write(os.path.join(cwd, "first.dnet"), FIRST)
    run_ok(DNETC, "first.dnet", "-o", "first", cwd=cwd)
    run_fails(1, "./first", "--check-nan", "main", cwd=cwd, says=[
        "first.dnet:6:24: error: the first value of `M.w` of first.dnet:2:5 has inf at [0] (2 of 2 elements are not finite)\n"
        "hint: nan.safetensors has what this run was given; `dnet --replay nan.safetensors first.dnet` names the operation"])
    run_fails(1, DNET, "--replay", "nan.safetensors", "first.dnet", cwd=cwd, says=["`mul` of first.dnet:2:5 made inf at [0]"])


def test_no_file(program):
    """Where the file cannot be written the NaN is told all the same."""
    cwd = folder()
    os.makedirs(os.path.join(cwd, "nan.safetensors"))
    run_fails(1, program, "--check-nan", "value", "--k=-1", cwd=cwd, says=[
        "error: the result of nan.dnet:29:33 has nan at", "hint: it cannot be repeated: nan.safetensors"])


def test_usage(program, cwd):
    check_in(f"`{program} --check-nan COMMAND` stops at the first NaN or infinity.\n", run_ok(program, cwd=cwd).out)
    run_fails(2, program, "value", "--k=1", "--check-nan", cwd=cwd, says=["`value` has no flag --check-nan"])


def main():
    cwd = place()
    programs = [os.path.join(cwd, name) for name in ("here", "there")]
    run_ok(DNETC, "nan.dnet", "-D", "side=4", "-o", programs[0], cwd=cwd)
    run_ok(DNETC, "nan.dnet", "-D", "side=4", "-target", "x86,cuda", "--precision=f32", "-o", programs[1], cwd=cwd)
    test_usage(programs[0], cwd)
    test_result(programs[0], cwd)
    test_first_value(cwd)
    test_no_file(programs[0])
    for program, device, changes in ((programs[0], [], {}), (programs[1], [], GPU), (programs[1], ["--device=cpu"], {})):
        cwd = place()
        test_finite(program, device, cwd, **changes)
        test_nan(program, device, cwd, **changes)
        test_file(cwd)
        test_replay(program, cwd)
    finish()


main()
