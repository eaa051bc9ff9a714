"""cuBLAS and cuDNN, by PyTorch: a line "times SECONDS ..." for each window of calls; for gpu.py.

gpu_ops.py gemm PRECISION SIZE TIMES WINDOW
gpu_ops.py conv PRECISION BATCH SIZE INPUTS FILTERS KERNEL STRIDE TIMES WINDOW
"""
import sys
import time

import torch


def clock(call, times, window):
    """Seconds by the call, of each window but the first, which warms up and chooses an algorithm."""
    seconds = []
    for _ in range(times + 1):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(window):
            call()
        torch.cuda.synchronize()
        seconds.append((time.perf_counter() - start) / window)
    return seconds[1:]


def gemm(dtype, size, times, window):
    a, b = (torch.randn(size, size, device="cuda", dtype=dtype) for _ in range(2))
    return [clock(lambda: a @ b, times, window)]


def conv(dtype, batch, size, inputs, filters, kernel, stride, times, window):
    edge = (kernel - 1) // 2
    out = (size + 2 * edge - kernel) // stride + 1

    def tensor(*shape):
        return torch.randn(*shape, device="cuda", dtype=dtype).contiguous(memory_format=torch.channels_last)

    x, w, g = tensor(batch, inputs, size, size), tensor(filters, inputs, kernel, kernel), tensor(batch, filters, out, out)

    def gradient(of_input, of_weight):
        return torch.ops.aten.convolution_backward(g, x, w, None, [stride] * 2, [edge] * 2, [1, 1], False, [0, 0], 1,
                                                   [of_input, of_weight, False])

    return [clock(call, times, window) for call in (
        lambda: torch.nn.functional.conv2d(x, w, stride=stride, padding=edge),
        lambda: gradient(True, False), lambda: gradient(False, True))]


def main():
    what, precision, *numbers = sys.argv[1:]
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "f32"
    torch.backends.cudnn.benchmark = True
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    for row in zip(*{"gemm": gemm, "conv": conv}[what](dtype, *map(int, numbers))):
        print("times", *row)


main()
