"""What the tests of libraries for C share: a file that exports functions, and compiling a program that calls them."""
import os
import shutil
import subprocess

from endtoend import HERE, read, run_ok

OURS = {"gan_new", "gan_new_from_memory", "gan_free", "gan_version", "gan_seed", "gan_generate", "gan_judge",
        "gan_draw", "gan_again"}
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
EXPORTS = """
/// Sixteen images.
export fn generate(z: f32[16, z_dim]) -> f32[16, 28, 28, 1] { G(z) }
export fn judge(x: f32[4, 28, 28, 1], scale: f32) { {logit: scale * D(x), mean: mean(x)} }
export fn draw() { G(normal([2, z_dim])) }

const many = 1 // how often
export fn again(z: f32[16, z_dim], n: int = many) -> f32[16, 28, 28, 1] { G(z) }
command images(weights: path = "", out: path) {
    if weights != "" {
        restore(weights)
    }
    save_npy(generate(normal([16, z_dim], seed: 7)), out)
}
command noise(out: path) { save_npy(normal([16, z_dim], seed: 7), out) }
"""


def sanitizers(library):
    return ["-fsanitize=address,undefined"] if b"__asan_init" in read(library) else []


def symbols(path, *options):
    """The names that a library defines for others."""
    out = subprocess.run(["nm", "--defined-only", *options, path], stdout=subprocess.PIPE, check=True).stdout.decode()
    return {line.split()[2].split("@")[0] for line in out.splitlines() if len(line.split()) == 3}


def pkg_config(cwd, *options):
    """What gan.pc says; where there is no pkg-config, the same by hand."""
    if not shutil.which("pkg-config"):
        return ["-I" + cwd] if "--cflags" in options else ["-L" + cwd, "-lgan", "-lm", "-pthread"]
    done = subprocess.run(["pkg-config", *options, "gan"], stdout=subprocess.PIPE, check=True,
                          env=dict(os.environ, PKG_CONFIG_PATH=cwd))
    return done.stdout.decode().split()


def compile_use(cwd, name, library, *link):
    run_ok("cc", "-std=c99", *STRICT, *sanitizers(library), "-o", name, "-x", "c", os.path.join(HERE, "embed_use.c.in"),
           "-x", "none", *pkg_config(cwd, "--cflags"), *link, "-pthread", cwd=cwd)
