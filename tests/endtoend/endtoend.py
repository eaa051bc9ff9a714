"""What the end-to-end tests share: running the programs, making small data files, reading what the programs write.

Debian's python3 alone. A test is called with the build folder: NAME_test.py build
"""
import atexit
import gzip
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build"))
DNET = os.path.join(BUILD, "dnet")
DNETC = os.path.join(BUILD, "dnetc")
TINY_GAN = os.path.join(HERE, "tiny_gan.dnet")
MNIST = os.path.join(ROOT, "examples", "data", "t10k-images-idx3-ubyte.gz")
MNIST_LABELS = os.path.join(ROOT, "examples", "data", "t10k-labels-idx1-ubyte.gz")
TIMEOUT = 300  # seconds; a program that takes as long hangs

checks = failures = 0


def check(condition, *what):
    """Counts, and says what failed; returns the condition."""
    global checks, failures
    checks += 1
    if not condition:
        failures += 1
        print(f"{place()}: failed:", *what, file=sys.stderr, flush=True)
    return bool(condition)


def place():
    """The line of the test_ function that is at work."""
    frame = sys._getframe(2)
    while frame.f_back and not frame.f_code.co_name.startswith("test_"):
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


def check_in(part, text, *what):
    return check(part in text, repr(part), "is not in", repr(text), *what)


def finish():
    print(f"{checks - failures} passed, {failures} failed")
    sys.exit(1 if failures else 0)


# ---- running ----

def folder():
    """A new folder, removed at the end."""
    path = tempfile.mkdtemp(prefix="dnet-test-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def environment(**changes):
    """The environment without what changes the programs' output; None takes a variable away."""
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LC_CTYPE")}
    env.update({"LC_ALL": "C.UTF-8", "TERM": "xterm"})
    env.update(changes)
    return {k: v for k, v in env.items() if v is not None}


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __str__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}---"


def run(*args, cwd, **changes):
    """Runs to the end: DNET, a file, a command and its flags."""
    done = subprocess.run([str(a) for a in args], cwd=cwd, env=environment(**changes), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT)
    return Result(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def run_ok(*args, cwd, **changes):
    result = run(*args, cwd=cwd, **changes)
    check(result.code == 0, *args, result)
    return result


def run_fails(code, *args, cwd, says=(), **changes):
    """The run has to end with `code` and its stderr to hold each of `says`."""
    result = run(*args, cwd=cwd, **changes)
    check(result.code == code, f"exit code {result.code}, not {code}:", *args, result)
    for part in says:
        check_in(part, result.err)
    check("Sanitizer" not in result.err and "runtime error" not in result.err, result)
    return result


# ---- files ----

def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as f:
        f.write(data.encode() if isinstance(data, str) else data)
    return path


def sha256(path):
    return hashlib.sha256(read(path)).hexdigest()


def write_mnist(path, first, count):
    """`count` of MNIST's test images from `first` on as an IDX file, with their labels in PATH.labels."""
    with gzip.open(MNIST) as images, gzip.open(MNIST_LABELS) as labels:
        pixels = images.read()[16 + 784 * first:16 + 784 * (first + count)]
        digits = labels.read()[8 + first:8 + first + count]
    write(path, struct.pack(">4I", 0x803, count, 28, 28) + pixels)
    write(path + ".labels", struct.pack(">2I", 0x801, count) + digits)
    return path


# ---- PNG ----

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bytes(width, height, channels, pixel):
    """An 8-bit PNG; pixel(x, y) gives `channels` values."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            rows += bytes(v & 255 for v in pixel(x, y))
    colour = {1: 0, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return (PNG_SIGNATURE + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(bytes(rows)))
            + png_chunk(b"IEND", b""))


def unfilter(rows, width, height, channels):
    stride, pixels = width * channels, bytearray()
    before = bytearray(stride)
    for y in range(height):
        kind, line = rows[y * (stride + 1)], bytearray(rows[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride):
            left = line[i - channels] if i >= channels else 0
            up = before[i]
            corner = before[i - channels] if i >= channels else 0
            if kind == 1:
                line[i] = (line[i] + left) & 255
            elif kind == 2:
                line[i] = (line[i] + up) & 255
            elif kind == 3:
                line[i] = (line[i] + (left + up) // 2) & 255
            elif kind == 4:
                p = left + up - corner
                distances = (abs(p - left), abs(p - up), abs(p - corner))
                line[i] = (line[i] + (left, up, corner)[distances.index(min(distances))]) & 255
            elif kind != 0:
                raise ValueError(f"filter {kind}")
        pixels += line
        before = line
    return bytes(pixels)


def read_png(path):
    """(width, height, channels, pixels) of an 8-bit PNG without interlacing; ValueError if it is not whole."""
    data = read(path)
    if data[:8] != PNG_SIGNATURE:
        raise ValueError("no signature")
    at, kinds, idat = 8, [], b""
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + length]
        if len(data) < at + 12 + length:
            raise ValueError("cut off")
        if struct.unpack_from(">I", data, at + 8 + length)[0] != zlib.crc32(kind + body):
            raise ValueError(f"wrong CRC of {kind}")
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
        idat += body if kind == b"IDAT" else b""
        kinds.append(kind)
        at += 12 + length
    if not kinds or kinds[0] != b"IHDR" or kinds[-1] != b"IEND" or depth != 8 or interlaced:
        raise ValueError(f"chunks {kinds}")
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    rows = zlib.decompress(idat)
    if len(rows) != height * (width * channels + 1):
        raise ValueError(f"{len(rows)} bytes of pixels")
    return width, height, channels, unfilter(rows, width, height, channels)


def check_png(path, width, height, channels):
    """A whole PNG of that size which shows more than one shade; returns its pixels."""
    try:
        *size, pixels = read_png(path)
    except (OSError, ValueError) as e:
        check(False, path, e)
        return b""
    check(size == [width, height, channels], path, "is", size, "not", [width, height, channels])
    check(len(set(pixels)) > 1, path, "is of one shade")
    return pixels


# ---- arrays and checkpoints ----

def read_npy(path):
    """(shape, dtype, bytes)"""
    data = read(path)
    if data[:6] != b"\x93NUMPY":
        raise ValueError("no NPY file")
    wide = data[6] >= 2
    length, = struct.unpack("<I" if wide else "<H", data[8:12 if wide else 10])
    begin = (12 if wide else 10) + length
    header = eval(data[begin - length:begin].decode(), {"__builtins__": {}})  # a literal dictionary
    return header["shape"], header["descr"], data[begin:]


SIZES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "U8": 1, "BOOL": 1}


def parse_safetensors(data):
    """(tensors, metadata): {name: (dtype, shape, bytes)}; ValueError unless the tensors cover the data exactly."""
    length, = struct.unpack_from("<Q", data)
    if 8 + length > len(data):
        raise ValueError("the header is cut off")
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    tensors, at = {}, 0
    for name, info in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = info["data_offsets"]
        elements = 1
        for size in info["shape"]:
            elements *= size
        if begin != at or end - begin != elements * SIZES[info["dtype"]]:
            raise ValueError(f"{name} is {info}, after {at} bytes")
        tensors[name] = info["dtype"], info["shape"], data[8 + length + begin:8 + length + end]
        at = end
    if 8 + length + at != len(data):
        raise ValueError(f"{len(data)} bytes, not {8 + length + at}")
    return tensors, metadata


def read_safetensors(path):
    return parse_safetensors(read(path))


def parse_checkpoint(data):
    """(tensors, state) of a whole checkpoint; ValueError if it is not."""
    try:
        tensors, metadata = parse_safetensors(data)
        state = json.loads(metadata["dnet.checkpoint"])
        state["steps"], state["frames"][0]["pc"]
    except (KeyError, IndexError, struct.error, UnicodeDecodeError) as e:
        raise ValueError(f"{type(e).__name__} {e}") from e
    return tensors, state
