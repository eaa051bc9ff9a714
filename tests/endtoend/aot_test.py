"""Compiled programs: alone in a chroot with libc only they do what `dnet FILE` does, to the same bits, and tell about
themselves."""
import os
import shutil
import subprocess

from endtoend import (DNET, DNETC, TINY_GAN, check, check_in, check_png, environment, finish, folder, read, run,
                      run_fails, run_ok, sha256, write, write_mnist)

RUN, USAGE = 1, 2
MOST_BYTES = 3 << 20
LIBRARIES = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "linux-vdso.so.1"}
TRAIN = ["train", "--images", "digits.idx", "--take-n", "80", "--epochs", "2"]
LOOK_UP = """
step look_up(i: i32) {
    return gather(reshape(iota(6), 3, 2), i)
}
command pick(i: int) {
    print(look_up(i))
}
"""


PAIRS = """
step product() {
    x = cast(normal([70, 32]), bf16)
    return {y: cast(x @ cast(normal([32, 64]), bf16), f32)}
}
command run() {
    save_npy(product().y, "y.npy")
}
"""


def sanitized(program):
    return b"__asan_init" in read(program)


def libraries(program):
    """{name: path} of the shared libraries that a program is linked with."""
    found = {}
    for line in subprocess.run(["ldd", program], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines():
        name, _, path = line.split(" (")[0].strip().partition(" => ")
        found[os.path.basename(name)] = path or name
    return found


def same_files(a, b, *names):
    for name in names:
        check(sha256(os.path.join(a, name)) == sha256(os.path.join(b, name)), name, "differs")


def compile_gan():
    cwd = folder()
    run_ok(DNETC, TINY_GAN, "-o", "gan", cwd=cwd)
    check(os.listdir(cwd) == ["gan"], os.listdir(cwd))
    return os.path.join(cwd, "gan")


def test_needs(gan):
    check(set(libraries(gan)) <= LIBRARIES, libraries(gan))
    check(os.path.getsize(gan) < MOST_BYTES, os.path.getsize(gan), "bytes")


def test_about(gan):
    cwd = folder()
    check(run_ok(gan, "--source", cwd=cwd).out == read(TINY_GAN).decode())
    version = run_ok(gan, "--version", cwd=cwd).out
    for part in ("tiny_gan, compiled by dnet ", "flags: ", "instruction sets: avx2 avx512"):
        check_in(part, version)
    ours, theirs = run_ok(gan, "train", "--help", cwd=cwd), run_ok(DNET, TINY_GAN, "train", "--help", cwd=cwd)
    check(ours.out.split("\n", 1)[1] == theirs.out.split("\n", 1)[1], ours)
    run_fails(USAGE, gan, "trian", cwd=cwd, says=["did you mean `train`?"])
    run_fails(RUN, gan, "train", "--images", "none.idx", cwd=cwd, says=[os.path.basename(TINY_GAN) + ":", "none.idx"])


def test_same_bits(gan):
    """As the program in memory, for any instruction set and number of threads."""
    jit = folder()
    write_mnist(os.path.join(jit, "digits.idx"), 0, 96)
    run_ok(DNET, TINY_GAN, *TRAIN, cwd=jit)
    for changes, threads in (({}, "1"), ({"DNET_ISA": "avx2"}, "2"), ({}, "3")):
        cwd = folder()
        shutil.copy(os.path.join(jit, "digits.idx"), cwd)
        run_ok(gan, *TRAIN, "--threads", threads, cwd=cwd, **changes)
        same_files(cwd, jit, "out/losses.csv", "out/epoch-2.png")
    run_fails(RUN, gan, *TRAIN, cwd=jit, says=["DNET_ISA should be"], DNET_ISA="mmx")


def test_alone(gan):
    """Trains, samples and resumes where there is nothing but libc."""
    if os.geteuid() != 0:
        return
    root = folder()
    for path in libraries(gan).values():
        if os.path.exists(path):
            write(root + path, read(path))
            shutil.copymode(path, root + path)
    shutil.copy(gan, root)
    write_mnist(os.path.join(root, "digits.idx"), 0, 96)
    inside = ["/usr/sbin/chroot", root, "/gan"]
    run_ok(*inside, *TRAIN, cwd=root)
    run_ok(*inside, "sample", cwd=root)
    check_png(os.path.join(root, "samples.png"), 118, 118, 1)
    before = sha256(os.path.join(root, "out/epoch-2.png"))
    run_ok(*inside, "train", "--resume", "out/gan.ckpt", cwd=root)
    check(sha256(os.path.join(root, "out/epoch-2.png")) == before)


def test_resume_across(gan):
    """A checkpoint of `dnet FILE` goes on in the compiled program."""
    cwd, whole = folder(), folder()
    for place in (cwd, whole):
        write_mnist(os.path.join(place, "digits.idx"), 0, 96)
    run_ok(gan, *TRAIN, cwd=whole)
    done = subprocess.Popen([DNET, TINY_GAN, *TRAIN, "--every", "1"], cwd=cwd, env=environment(),
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while done.poll() is None and not os.path.exists(os.path.join(cwd, "out/gan.ckpt")):
        pass
    done.kill()
    done.wait()
    run_ok(gan, "train", "--resume", "out/gan.ckpt", cwd=cwd)
    same_files(cwd, whole, "out/losses.csv", "out/epoch-2.png")


def test_fault_has_its_place():
    cwd = folder()
    write(os.path.join(cwd, "rows.dnet"), LOOK_UP)
    run_ok(DNETC, "rows.dnet", "-o", "rows", cwd=cwd)
    run_ok("./rows", "pick", "--i", "2", cwd=cwd)
    run_fails(RUN, "./rows", "pick", "--i", "3", cwd=cwd,
              says=["`gather` from rows.dnet:3:12", "index 3 is outside 0..2 (rows of "])


def test_bf16_by_pairs():
    """The same bits whatever the processor has; the third set of kernels refers to those of the second."""
    cwd = folder()
    write(os.path.join(cwd, "pairs.dnet"), PAIRS)
    run_ok(DNETC, "pairs.dnet", "-o", "pairs", cwd=cwd)
    check_in("instruction sets: avx2 avx512 avx512bf16", run_ok("./pairs", "--version", cwd=cwd).out)
    for march in ("avx512", "avx512bf16"):
        run_ok(DNETC, "pairs.dnet", "-march=" + march, "-o", march, cwd=cwd)
        check_in("instruction sets: %s\n" % march, run_ok("./" + march, "--version", cwd=cwd).out)
    run_ok(DNET, "pairs.dnet", "run", cwd=cwd)
    want = sha256(os.path.join(cwd, "y.npy"))
    for isa in ("avx2", "avx512", "avx512bf16"):
        os.remove(os.path.join(cwd, "y.npy"))
        done = run("./pairs", "run", cwd=cwd, DNET_ISA=isa)
        if "which this processor does not have" in done.err:
            run_ok("./pairs", "run", cwd=cwd)
        check(sha256(os.path.join(cwd, "y.npy")) == want, isa)


def test_no_linker():
    cwd = folder()
    run_fails(RUN, DNETC, TINY_GAN, "-o", "gan", cwd=cwd, CC="no-such-cc",
              says=["cannot run `no-such-cc`, which links programs", "install gcc or clang"])
    run_fails(RUN, DNETC, TINY_GAN, "-o", "no/gan", cwd=cwd, says=["cannot write no/gan"])
    check(os.listdir(cwd) == [], os.listdir(cwd))


def test_full_disk():
    cwd = folder()
    run_fails(RUN, DNETC, TINY_GAN, "-S", "-o", "/dev/full", cwd=cwd, says=["/dev/full: cannot write: No space left"])


def main():
    gan = compile_gan()
    if not sanitized(gan):
        test_needs(gan)
        test_alone(gan)
    test_about(gan)
    test_same_bits(gan)
    test_resume_across(gan)
    test_fault_has_its_place()
    test_bf16_by_pairs()
    test_no_linker()
    test_full_disk()
    finish()


main()
