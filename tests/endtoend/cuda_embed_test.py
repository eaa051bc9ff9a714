"""Libraries for C that compute on a GPU (the simulated one): the bits of a program for GPUs, the device that the caller
names, other threads and contexts of the caller's, and what is said where there is no GPU.
"""
import os

from embedding import EXPORTS, OURS, STRICT, compile_use, pkg_config, sanitizers, symbols
from endtoend import (BUILD, DNET, DNETC, HERE, TINY_GAN, check, check_in, finish, folder, read, read_npy, run, run_ok,
                      write, write_mnist)

GPU = {"DNET_CUDA_DRIVER": os.path.join(BUILD, "tests", "cudasim", "libcuda.so.1")}
NOWHERE = {"DNET_CUDA_DRIVER": "/nowhere/libcuda.so.1"}
REFUSED = 3
DEVICES = {"gan_new_on", "gan_new_from_memory_on"}


def train():
    """A folder with gan.dnet, weights after a few steps, noise, and the images that programs make of it."""
    cwd = folder()
    write(os.path.join(cwd, "gan.dnet"), read(TINY_GAN).decode() + EXPORTS)
    write_mnist(os.path.join(cwd, "digits.idx"), 0, 64)
    run_ok(DNET, "gan.dnet", "train", "--images", "digits.idx", "--take-n", "64", "--epochs", "1", cwd=cwd)
    run_ok(DNET, "gan.dnet", "noise", "--out", "noise.npy", cwd=cwd)
    run_ok(DNETC, "gan.dnet", "-target", "x86,cuda", "-o", "gan", cwd=cwd)
    for device in ("cpu", "0"):
        run_ok("./gan", f"--device={device}", "images", "--weights", "out/gan.ckpt", "--out", f"{device}.npy", cwd=cwd,
               **GPU)
    run_ok("./gan", "images", "--out", "first.npy", cwd=cwd, **GPU)
    write(os.path.join(cwd, "noise"), read_npy(os.path.join(cwd, "noise.npy"))[2])
    return cwd


def check_images(cwd, want, *what):
    check(read(os.path.join(cwd, "images")) == read_npy(os.path.join(cwd, want))[2], want, *what)


def compile_devices(cwd, name, library, *link):
    run_ok("cc", "-std=c99", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", *sanitizers(library), "-o", name, "-x",
           "c", os.path.join(HERE, "cuda_embed_use.c.in"), "-x", "none", *pkg_config(cwd, "--cflags"), *link,
           "-pthread", cwd=cwd)


def test_shared(cwd):
    """For GPUs and the processor: gan_new takes a GPU, gan_new_on what it is told."""
    run_ok(DNETC, "gan.dnet", "-shared", "-target", "x86,cuda", "-o", "libgan.so", cwd=cwd)
    library = os.path.join(cwd, "libgan.so")
    check(symbols(library, "-D") == OURS | DEVICES, symbols(library, "-D"))
    check_in('"cpu" the processor', read(os.path.join(cwd, "gan.h")).decode())
    compile_use(cwd, "shared", library, *pkg_config(cwd, "--libs"))
    here = {"LD_LIBRARY_PATH": cwd}
    for weights, want in (("out/gan.ckpt", "0.npy"), ("memory:out/gan.ckpt", "0.npy"), ("-", "first.npy")):
        run_ok("./shared", weights, "noise", "images", "1", cwd=cwd, **here, **GPU)
        check_images(cwd, want, weights)
    run_ok("./shared", "twice", "out/gan.ckpt", "noise", "images", cwd=cwd, **here, **GPU)
    compile_devices(cwd, "devices", library, *pkg_config(cwd, "--libs"))
    for device, driver in (("cuda", GPU), ("0", GPU), ("cpu", GPU), ("cpu", NOWHERE)):
        run_ok("./devices", device, "noise", "images", cwd=cwd, **here, **driver)
        check_images(cwd, "cpu.npy" if device == "cpu" else "0.npy", device)
    run_ok("./devices", "threads", "noise", cwd=cwd, **here, **GPU)
    for device, driver, says in (
            ("cuda", NOWHERE, "there is no NVIDIA driver; /nowhere/libcuda.so.1: cannot open shared object file: No "
                              'such file or directory; on the device "cpu" the processor computes\n'),
            ("1", GPU, 'there is no GPU number 1: CUDA shows 1, from 0; on the device "cpu" the processor computes\n'),
            ("gpu", GPU, "the device is cpu, cuda or the number of a GPU, not gpu; numbers are those that CUDA gives, "
                         "from 0\n")):
        result = run("./devices", device, "noise", "images", cwd=cwd, **here, **driver)
        check(result.code == REFUSED and result.out == says, result)
    result = run("./shared", "missing", "noise", "images", "1", cwd=cwd, **here, **GPU)
    check(result.code == REFUSED and result.out == "missing: No such file or directory\n", result)


def test_static(cwd):
    """For GPUs alone."""
    os.remove(os.path.join(cwd, "libgan.so"))
    run_ok(DNETC, "gan.dnet", "-static", "-target", "cuda", cwd=cwd)
    library = os.path.join(cwd, "libgan.a")
    check(symbols(library, "-g") == OURS | DEVICES, symbols(library, "-g"))
    check('"cpu"' not in read(os.path.join(cwd, "gan.h")).decode())
    compile_devices(cwd, "devices", library, *pkg_config(cwd, "--static", "--libs"))
    run_ok("./devices", "0", "noise", "images", cwd=cwd, **GPU)
    check_images(cwd, "0.npy")
    for device, driver, says in (
            ("cpu", GPU, "the library was compiled for CUDA alone; compile it with `-target x86,cuda`\n"),
            ("0", NOWHERE, "No such file or directory; compiled with `-target x86,cuda` it can run on the processor, "
                           'the device "cpu"\n')):
        result = run("./devices", device, "noise", "images", cwd=cwd, **driver)
        check(result.code == REFUSED and result.out.endswith(says), result)


def test_state():
    """State that one function writes is what others read, an index outside a table is an error, and changes nothing."""
    cwd = folder()
    write(os.path.join(cwd, "grow.dnet"), """
        net Memory(x: f32[4, 64], more: float = 0) -> f32[4, 64] {
            state w: f32[64, 64] = ones
            y = x @ w + mean(w)
            if more > 0 { w = w + more }
            y
        }
        net Table(rows: i32[2]) -> f32[2, 3] {
            state t: f32[5, 3] = ones
            y = gather(t, rows)
            t = t + 1
            y
        }
        model M = Memory
        model T = Table
        export fn use(x: f32[4, 64]) -> f32[4, 64] { M(x) }
        export fn more(x: f32[4, 64]) -> f32[4, 64] { M(x, more: 0.5) }
        export fn look(rows: i32[2]) -> f32[2, 3] { T(rows) }
    """)
    write(os.path.join(cwd, "grow.c"), """
        #include <string.h>
        #include "grow.h"
        int main(void) {
            static float x[4 * 64], y[4 * 64], z[6];
            static int32_t inside[2] = {0, 4}, outside[2] = {1, 5};
            char error[200] = "";
            grow *g = grow_new(0, 1, 0, 0);
            int i, failed = !g;
            for (i = 0; i < 4 * 64; i++) x[i] = 1;
            for (i = 0; i < 3 && !failed; i++) failed = grow_use(g, x, y, 0, 0) || y[255] != 65;
            failed = failed || grow_more(g, x, y, 0, 0) || y[255] != 65 || grow_more(g, x, y, 0, 0) || y[255] != 97.5;
            for (i = 0; i < 3 && !failed; i++) failed = grow_use(g, x, y, 0, 0) || y[255] != 130;
            failed = failed || grow_look(g, inside, z, 0, 0) || z[5] != 1 || !grow_look(g, outside, z, error, 200);
            failed = failed || !strstr(error, "index 5 is outside 0..4 (rows of f32[5, 3])");
            failed = failed || grow_look(g, inside, z, 0, 0) || z[5] != 2;
            grow_free(g);
            return failed;
        }
    """)
    run_ok(DNETC, "grow.dnet", "-static", "-target", "cuda", "--precision=f32", cwd=cwd)
    run_ok("cc", *STRICT, *sanitizers(os.path.join(cwd, "libgrow.a")), "grow.c", "-o", "grow", "-L.", "-lgrow", "-lm",
           "-pthread", cwd=cwd)
    run_ok("./grow", cwd=cwd, **GPU)


def test_object(cwd):
    """An object has the code for both, and needs the runtime alone."""
    run_ok(DNETC, "gan.dnet", "-target", "x86,cuda", "-c", "-o", "gan.o", cwd=cwd)
    names = symbols(os.path.join(cwd, "gan.o"))
    check({"dn_cuda_image_bytes", "dn_image_bytes", "dn_kernels_avx2"} <= names, names)


def main():
    cwd = train()
    test_shared(cwd)
    test_static(cwd)
    test_state()
    test_object(cwd)
    finish()


main()
