"""Makes tests/runtime/golden/*.safetensors with the reference implementation, and checks with it
a file written by dnet.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install safetensors==0.8.0 numpy ml_dtypes
    /tmp/venv/bin/python tests/runtime/make_safetensors.py               # reference.*, half.*
    safetensors_test tests/runtime/golden/dnet.safetensors
    /tmp/venv/bin/python tests/runtime/make_safetensors.py check tests/runtime/golden/dnet.safetensors

safetensors_test reads reference.safetensors, and demands that dnet writes dnet.safetensors byte for
byte, which `check` has read: so the test needs no Python.
"""

import os
import sys

import ml_dtypes
import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

METADATA = {"format": "dnet", "step": "1200", "text": 'a "quoted"\nline, \u00fcml\u00e4ut'}

# name, dtype, shape and element i; the C test has the same table.
TENSORS = [
    ("b/mask", np.bool_, (3, 5), lambda i: i % 3 == 0),
    ("bytes", np.uint8, (7,), lambda i: i * 37 % 256),
    ("i", np.int32, (2, 3), lambda i: i * 1000003 - 7),
    ("long", np.int64, (4,), lambda i: i * 10**12 - 5),
    ("w", np.float32, (2, 3, 4), lambda i: i / 8 - 1),
    ("d", np.float64, (1, 5), lambda i: i / 3),
    ("scalar", np.float32, (), lambda i: 2.5),
    ("empty", np.float64, (0, 3), lambda i: 0),
    ("half", ml_dtypes.bfloat16, (3, 3), lambda i: i * 0.7 - 1),
]


def tensors():
    out = {}
    for name, dtype, shape, element in TENSORS:
        n = int(np.prod(shape, dtype=np.int64))
        out[name] = np.array([element(i) for i in range(n)], dtype=dtype).reshape(shape)
    return out


def check(path):
    with safe_open(path, framework="np") as f:
        assert f.metadata() == METADATA, f.metadata()
        want = tensors()
        assert sorted(f.keys()) == sorted(want), f.keys()
        for name, tensor in want.items():
            got = f.get_tensor(name)
            assert got.dtype == tensor.dtype and got.shape == tensor.shape, name
            assert np.array_equal(got, tensor), name
    print(f"{path}: good")


def main():
    if sys.argv[1:2] == ["check"]:
        return check(sys.argv[2])
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
    os.makedirs(folder, exist_ok=True)
    save_file(tensors(), os.path.join(folder, "reference.safetensors"), metadata=METADATA)
    save_file({"h": np.zeros(3, np.float16)}, os.path.join(folder, "half.safetensors"))


if __name__ == "__main__":
    main()
