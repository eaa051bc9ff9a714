"""Makes the files in golden/: what Pillow, SciPy and Keras's formulas make of some images.

Run by hand, with numpy, scipy and pillow, when a case is added:
    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy pillow
    /tmp/venv/bin/python tests/data/golden_augment.py

The C tests compare with these files; nothing else reads them.
"""
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageEnhance
from scipy import ndimage

HERE = pathlib.Path(__file__).parent / "golden"
RNG = np.random.default_rng(7)
MODES = ["nearest", "constant", "reflect", "wrap"]  # in the order of dn_fill


def picture(h, w, c, seed=1):
    """A smooth picture with some detail, as bytes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:h, 0:w]
    planes = []
    for _ in range(c):
        a, b, p, q = rng.uniform(0.1, 0.5, 4)
        plane = 128 + 70 * np.sin(a * x + p * 9) + 50 * np.cos(b * y + q * 9)
        planes.append(plane + rng.normal(0, 6, (h, w)))
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


# ---- Augmentation: keras-preprocessing 1.1.2, with the centre of current Keras ----------------

def affine(x, theta, tx, ty, shear, zx, zy, mode, cval):
    m = np.eye(3)
    if theta != 0:
        t = np.deg2rad(theta)
        m = np.array([[np.cos(t), -np.sin(t), 0], [np.sin(t), np.cos(t), 0], [0, 0, 1]])
    if tx != 0 or ty != 0:
        m = m @ np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    if shear != 0:
        s = np.deg2rad(shear)
        m = m @ np.array([[1, -np.sin(s), 0], [0, np.cos(s), 0], [0, 0, 1]])
    if zx != 1 or zy != 1:
        m = m @ np.array([[zx, 0, 0], [0, zy, 0], [0, 0, 1]])
    if np.array_equal(m, np.eye(3)):
        return x
    h, w = x.shape[:2]
    oy, ox = h / 2 - 0.5, w / 2 - 0.5
    m = np.array([[1, 0, oy], [0, 1, ox], [0, 0, 1]]) @ m @ np.array(
        [[1, 0, -oy], [0, 1, -ox], [0, 0, 1]])
    return np.stack([ndimage.affine_transform(x[..., c], m[:2, :2], m[:2, 2], order=1, mode=mode,
                                              cval=cval) for c in range(x.shape[-1])], -1)


def array_to_img(x, scale):
    x = np.asarray(x, np.float32)
    if scale:
        x = x - np.min(x)
        top = np.max(x)
        if top != 0:
            x /= top
        x *= 255
    x = x.astype(np.uint8)
    return Image.fromarray(x if x.shape[-1] > 1 else x[..., 0])


def brightness_shift(x, factor):
    low, high = np.min(x), np.max(x)
    scale = low < 0 or high > 255
    y = np.asarray(ImageEnhance.Brightness(array_to_img(x, scale)).enhance(factor), np.float32)
    y = y.reshape(x.shape)
    return y / 255 * (high - low) + low if scale else y


def augment(x, case):
    theta, tx, ty, shear, zx, zy, flip_h, flip_v, channel, brightness, mode, cval = case
    x = affine(x, theta, tx, ty, shear, zx, zy, MODES[int(mode)], cval)
    if channel:
        x = np.clip(x + np.float32(channel), np.min(x), np.max(x))
    if flip_h:
        x = x[:, ::-1]
    if flip_v:
        x = x[::-1]
    if brightness >= 0:
        x = brightness_shift(x, brightness)
    return np.ascontiguousarray(x, dtype=np.float32)


def augment_cases():
    none = dict(theta=0, tx=0, ty=0, shear=0, zx=1, zy=1, flip_h=0, flip_v=0, channel=0,
                brightness=-1, mode=0, cval=0)
    cases = [none, none | dict(flip_h=1), none | dict(flip_v=1), none | dict(flip_h=1, flip_v=1),
             none | dict(channel=31.5), none | dict(channel=-77), none | dict(brightness=0.4),
             none | dict(brightness=1.7)]
    for mode in range(4):
        for part in [dict(theta=23), dict(theta=-111.5), dict(tx=2.7, ty=-3.4),
                     dict(tx=-40.3, ty=31.2), dict(shear=17.5), dict(zx=0.63, zy=1.31),
                     dict(theta=12, tx=-2.2, ty=1.9, shear=-9, zx=1.4, zy=0.8, flip_h=1,
                          channel=12.5)]:
            cases.append(none | part | dict(mode=mode, cval=37.25))
    return np.array([list(c.values()) for c in cases], np.float64)


def save_augment():
    cases = augment_cases()
    for name, image in [("rgb", picture(13, 17, 3)), ("grey", picture(10, 8, 1, 5)),
                        ("rgba", picture(6, 9, 4, 6))]:
        x = image.astype(np.float32)
        if name == "grey":
            x = x / np.float32(127.5) - 1  # brightness stretches such an image
        np.save(HERE / f"augment_{name}_source.npy", x)
        np.save(HERE / f"augment_{name}.npy", np.stack([augment(x, c) for c in cases]))
    np.save(HERE / "augment_cases.npy", cases)


# ---- Resizing: Pillow's BILINEAR on 'F' images ------------------------------------------------

def save_resize():
    x = (RNG.random((37, 23, 3)) * 255).astype(np.float32)
    np.save(HERE / "resize_source.npy", x)
    for h, w in [(16, 16), (50, 31), (37, 11), (5, 23), (1, 1), (90, 3), (36, 24)]:
        planes = [Image.fromarray(x[..., c]).resize((w, h), Image.BILINEAR) for c in range(3)]
        np.save(HERE / f"resize_{h}x{w}.npy", np.stack([np.asarray(p) for p in planes], -1))


# ---- Decoding ---------------------------------------------------------------------------------

def png_bytes(x, depth, color, interlace=False):
    """A PNG that Pillow cannot write: 16 bits a channel, or interlaced. x: [h, w, c] integers."""
    def rows(part):
        kind = ">u2" if depth == 16 else "u1"
        return b"".join(b"\0" + row.astype(kind).tobytes() for row in part)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(
            ">I", zlib.crc32(name + data))

    h, w = x.shape[:2]
    if interlace:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2),
                  (0, 1, 2, 2), (1, 0, 2, 1)]
        data = b"".join(rows(x[a::s, b::t]) for a, b, s, t in passes if x[a::s, b::t].size)
    else:
        data = rows(x)
    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, color, 0, 0, int(interlace))) +
            chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b""))


def expect(name, image):
    """What the decoder should make of a file, by Pillow: RGBA, RGB and L, eight channels in all."""
    rgb = image.convert("RGB")
    planes = [image.convert("RGBA"), rgb, np.asarray(rgb.convert("L"))[..., None]]
    np.save(HERE / f"{name}.npy", np.concatenate([np.asarray(p) for p in planes], -1))


def save_images():
    h, w = 21, 18
    rgb, rgba, grey = picture(h, w, 3, 2), picture(h, w, 4, 3), picture(h, w, 1, 4)[..., 0]
    la = np.stack([grey, rgba[..., 3]], -1)
    palette = Image.fromarray(rgb).quantize(13)
    files = {
        "rgb.png": (Image.fromarray(rgb), {}),
        "rgba.png": (Image.fromarray(rgba), {}),
        "grey.png": (Image.fromarray(grey), {}),
        "la.png": (Image.merge(
            "LA", [Image.fromarray(la[..., 0]), Image.fromarray(la[..., 1])]), {}),
        "one_bit.png": (Image.fromarray(grey).convert("1"), {}),
        "palette.png": (palette, {}),
        "palette_clear.png": (palette, dict(transparency=bytes(range(0, 130, 10)))),
        "baseline.jpg": (Image.fromarray(rgb), dict(quality=80)),
        "full_chroma.jpg": (Image.fromarray(rgb), dict(quality=92, subsampling=0)),
        "progressive.jpg": (Image.fromarray(rgb), dict(quality=75, progressive=True)),
        "grey.jpg": (Image.fromarray(grey), dict(quality=70)),
        "restart.jpg": (Image.fromarray(rgb), dict(quality=60, restart_marker_blocks=2)),
        "inks.jpg": (Image.merge("CMYK", [Image.fromarray(rgba[..., i]) for i in range(4)]),
                     dict(quality=90)),
    }
    for name, (image, options) in files.items():
        image.save(HERE / name, **options)
        expect(name, Image.open(HERE / name))
    deep = RNG.integers(0, 65536, (h, w, 3))
    (HERE / "deep.png").write_bytes(png_bytes(deep, 16, 2))
    expect("deep.png", Image.fromarray(np.round(deep / 257).astype(np.uint8)))
    for name, x, color in [("interlaced.png", rgb, 2), ("interlaced_rgba.png", rgba, 6)]:
        (HERE / name).write_bytes(png_bytes(x, 8, color, True))
        expect(name, Image.open(HERE / name))


HERE.mkdir(exist_ok=True)
save_augment()
save_resize()
save_images()
