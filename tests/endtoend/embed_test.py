"""Libraries for C: what a file exports gives the same bits as `dnet FILE`, needs libc alone, shows nothing else, and
says what is wrong."""
import json
import os
import shutil
import struct
import subprocess

from embedding import EXPORTS, OURS, STRICT, compile_use, pkg_config, sanitizers, symbols
from endtoend import (DNET, DNETC, TINY_GAN, check, check_in, finish, folder, read, read_npy, read_safetensors, run,
                      run_fails, run_ok, write, write_mnist)

ERRORS, REFUSED = 1, 3
MOST_BYTES = 1 << 20


def train():
    """A folder with gan.dnet, weights after a few steps, noise, and what dnet makes of it."""
    cwd = folder()
    write(os.path.join(cwd, "gan.dnet"), read(TINY_GAN).decode() + EXPORTS)
    write_mnist(os.path.join(cwd, "digits.idx"), 0, 64)
    run_ok(DNET, "gan.dnet", "train", "--images", "digits.idx", "--take-n", "64", "--epochs", "1", cwd=cwd)
    run_ok(DNET, "gan.dnet", "noise", "--out", "noise.npy", cwd=cwd)
    run_ok(DNET, "gan.dnet", "images", "--weights", "out/gan.ckpt", "--out", "trained.npy", cwd=cwd)
    run_ok(DNET, "gan.dnet", "images", "--out", "first.npy", cwd=cwd)
    write(os.path.join(cwd, "noise"), read_npy(os.path.join(cwd, "noise.npy"))[2])
    return cwd


def same_as_dnet(cwd, program, weights, threads, want, **changes):
    run_ok(program, weights, "noise", "images", threads, cwd=cwd, LD_LIBRARY_PATH=cwd, **changes)
    check(read(os.path.join(cwd, "images")) == read_npy(os.path.join(cwd, want))[2], program, weights, threads, want)


def use(cwd, program):
    same_as_dnet(cwd, program, "out/gan.ckpt", "1", "trained.npy")
    same_as_dnet(cwd, program, "out/gan.ckpt", "3", "trained.npy", DNET_ISA="avx2")
    same_as_dnet(cwd, program, "memory:out/gan.ckpt", "2", "trained.npy")
    same_as_dnet(cwd, program, "-", "1", "first.npy")
    run_ok(program, "twice", "out/gan.ckpt", "noise", "images", cwd=cwd, LD_LIBRARY_PATH=cwd)


def test_shared(cwd):
    run_ok(DNETC, "gan.dnet", "-shared", "-o", "libgan.so", cwd=cwd)
    library = os.path.join(cwd, "libgan.so")
    check(symbols(library, "-D") == OURS, symbols(library, "-D"))
    if not sanitizers(library):
        check(os.path.getsize(library) < MOST_BYTES, os.path.getsize(library), "bytes")
        needs = subprocess.run(["ldd", library], stdout=subprocess.PIPE, check=True).stdout.decode().split()
        check({n for n in needs if n.startswith("lib")} <= {"libc.so.6", "libm.so.6"}, needs)
    compile_use(cwd, "shared", library, *pkg_config(cwd, "--libs"))
    use(cwd, "./shared")


def test_header(cwd):
    header = read(os.path.join(cwd, "gan.h")).decode()
    for part in ("Sixteen images.", "z            f32[16, 8]", "result       f32[16, 28, 28, 1]",
                 "int gan_judge(gan *self, const float *x, float scale, float *result_logit"):
        check_in(part, header)
    write(os.path.join(cwd, "header.c"), '#include "gan.h"\nint main(void) { return 0; }\n')
    run_ok("cc", "-std=c89", *STRICT, "-fsyntax-only", "header.c", cwd=cwd)
    if shutil.which("c++"):
        run_ok("c++", *STRICT, "-fsyntax-only", "-x", "c++", "header.c", cwd=cwd)


def test_static(cwd):
    os.remove(os.path.join(cwd, "libgan.so"))
    run_ok(DNETC, "gan.dnet", "-static", cwd=cwd)  # the file's name without -o
    library = os.path.join(cwd, "libgan.a")
    check(symbols(library, "-g") == OURS, symbols(library, "-g"))
    compile_use(cwd, "static", library, *pkg_config(cwd, "--static", "--libs"))
    use(cwd, "./static")


def test_two_in_one_program(cwd):
    """Nothing of one static library meets what has the same name in another."""
    write(os.path.join(cwd, "twice.dnet"), "export fn run(x: f32[3]) -> f32[3] { 2 * x }\n")
    run_ok(DNETC, "twice.dnet", "-static", cwd=cwd)
    run_ok(DNETC, "twice.dnet", "-static", "-march=avx2", "-o", "libmore.a", cwd=cwd)
    write(os.path.join(cwd, "both.c"), """
        #include "more.h"
        #include "twice.h"
        int main(void) {
            float x[3] = {1, 2, 3}, y[3];
            twice *a = twice_new(0, 1, 0, 0);
            more *b = more_new(0, 1, 0, 0);
            int failed = !a || !b || twice_run(a, x, y, 0, 0) || more_run(b, y, x, 0, 0) || x[2] != 12;
            twice_free(a), more_free(b);
            return failed;
        }
    """)
    run_ok("cc", *STRICT, *sanitizers(os.path.join(cwd, "libmore.a")), "both.c", "-o", "both", "-L.", "-ltwice",
           "-lmore", "-lm", "-pthread", cwd=cwd)
    run_ok("./both", cwd=cwd)


def test_state(cwd):
    """What is kept of the weights from call to call is computed again when a function changes them."""
    write(os.path.join(cwd, "grow.dnet"), """
        net Memory(x: f32[4, 64], more: float = 0) -> f32[4, 64] {
            state w: f32[64, 64] = ones
            y = x @ w + mean(w)
            if more > 0 { w = w + more }
            y
        }
        model M = Memory
        export fn use(x: f32[4, 64]) -> f32[4, 64] { M(x) }
        export fn more(x: f32[4, 64]) -> f32[4, 64] { M(x, more: 0.5) }
    """)
    run_ok(DNETC, "grow.dnet", "-static", cwd=cwd)
    write(os.path.join(cwd, "grow.c"), """
        #include "grow.h"
        int main(void) {
            static float x[4 * 64], y[4 * 64];
            grow *g = grow_new(0, 1, 0, 0);
            int i, failed = !g;
            for (i = 0; i < 4 * 64; i++) x[i] = 1;
            for (i = 0; i < 3 && !failed; i++) failed = grow_use(g, x, y, 0, 0) || y[255] != 65;
            failed = failed || grow_more(g, x, y, 0, 0) || y[255] != 65 || grow_more(g, x, y, 0, 0) || y[255] != 97.5;
            for (i = 0; i < 3 && !failed; i++) failed = grow_use(g, x, y, 0, 0) || y[255] != 130;
            grow_free(g);
            return failed;
        }
    """)
    run_ok("cc", *STRICT, *sanitizers(os.path.join(cwd, "libgrow.a")), "grow.c", "-o", "grow", "-L.", "-lgrow", "-lm",
           "-pthread", cwd=cwd)
    run_ok("./grow", cwd=cwd)


def safetensors(tensors):
    """The bytes of a file with {name: (dtype, shape, bytes)}."""
    header, data = {}, b""
    for name, (dtype, shape, elements) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(elements)]}
        data += elements
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def refuses(cwd, weights, *says):
    for path in (weights, "memory:" + weights):
        result = run("./static", path, "noise", "images", "1", cwd=cwd)
        check(result.code == REFUSED, path, result)
        for part in says:
            check_in(part, result.out)
        check("Sanitizer" not in result.err, result)


def test_wrong_weights(cwd):
    tensors, _ = read_safetensors(os.path.join(cwd, "out/gan.ckpt"))
    place = lambda name: os.path.join(cwd, name)
    write(place("whole"), safetensors(tensors))
    same_as_dnet(cwd, "./static", "whole", "1", "trained.npy")
    name = "G.conv2d_transpose.kernel"
    if name not in tensors:
        name = min(n for n in tensors if n.startswith("G.") and "/" not in n)
    dtype, shape, elements = tensors[name]
    write(place("missing"), safetensors({k: v for k, v in tensors.items() if k != name}))
    refuses(cwd, "missing", "there is no tensor " + name, "there are ")
    write(place("shape"), safetensors({**tensors, name: (dtype, shape + [1], elements)}))
    refuses(cwd, "shape", f"{name} is f32[{', '.join(map(str, shape + [1]))}] in the file, but f32[")
    write(place("none"), safetensors({}))
    refuses(cwd, "none", "there is no tensor ", "there is none at all")
    write(place("cut"), read(place("out/gan.ckpt"))[:-100])
    refuses(cwd, "cut", "data_offsets")
    write(place("text"), "not a file of weights")
    refuses(cwd, "text", "a header of ")
    result = run("./static", "nowhere", "noise", "images", "1", cwd=cwd)
    check(result.code == REFUSED and result.out == "nowhere: No such file or directory\n", result)
    result = run("./static", "whole", "noise", "images", "-1", cwd=cwd)
    check(result.code == REFUSED and "-1 threads" in result.out, result)


def test_what_dnetc_refuses(cwd):
    run_fails(ERRORS, DNETC, TINY_GAN, "-shared", "-o", "libgan.so", cwd=cwd,
              says=["tiny_gan.dnet exports nothing", "write `export` before a fn"])
    for output, says in (("gan.so", "`gan.so` is not a library's name"), ("libmy-gan.so", "`my-gan` cannot begin"),
                         ("libint.a", "`int` cannot begin"), ("no/libgan.so", "cannot write no/libgan.so")):
        run_fails(ERRORS, DNETC, "gan.dnet", "-shared", "-o", output, cwd=cwd, says=[says])
    check(not os.path.exists(os.path.join(cwd, "libgan.so")))


def main():
    cwd = train()
    test_shared(cwd)
    test_header(cwd)
    test_static(cwd)
    test_two_in_one_program(cwd)
    test_state(cwd)
    test_wrong_weights(cwd)
    test_what_dnetc_refuses(cwd)
    finish()


main()
