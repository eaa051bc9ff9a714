"""Computes codegen/llvm/math_coefficients.h: minimax polynomials (Remez exchange) and constants in
parts. Needs mpmath; run it where the header is to change:

    python3 -m venv build/venv && build/venv/bin/pip install mpmath
    build/venv/bin/python tests/native/make_math_coefficients.py > codegen/llvm/math_coefficients.h

The greatest error of each polynomial stands beside it, relative to the function it is part of."""
import struct

from mpmath import cos, erf, erfc, expm1, floor, log, log1p, lu_solve, matrix, mp, mpf, pi, polyval, sqrt

mp.dps = 60
POINTS = 600
TINY = mpf(10) ** -12  # in place of 0, where the quotients below are 0 / 0


def exchange(errors, wanted):
    """The places of the greatest error in each run of one sign; the `wanted` best in a row."""
    runs = []
    for i, error in enumerate(errors):
        if runs and (errors[runs[-1]] > 0) == (error > 0):
            if abs(error) > abs(errors[runs[-1]]):
                runs[-1] = i
        else:
            runs.append(i)
    while len(runs) > wanted:
        runs.pop(0 if abs(errors[runs[0]]) < abs(errors[runs[-1]]) else -1)
    return runs if len(runs) == wanted else None


def minimax(function, weight, low, high, terms):
    """Coefficients, lowest first, that minimise weight * |function - polynomial|; that error."""
    grid = [(low + high) / 2 - (high - low) / 2 * cos(pi * i / (POINTS - 1)) for i in range(POINTS)]
    grid = [t if abs(t) > TINY else TINY for t in grid]
    values, weights = [function(t) for t in grid], [weight(t) for t in grid]
    places = [int((POINTS - 1) * (i + 0.5) / (terms + 1)) for i in range(terms + 1)]
    best = None
    while places:
        system, right = matrix(terms + 1, terms + 1), matrix(terms + 1, 1)
        for row, i in enumerate(places):
            for k in range(terms):
                system[row, k] = grid[i] ** k
            system[row, terms] = (-1) ** row / weights[i]
            right[row] = values[i]
        solution = lu_solve(system, right)
        found = [solution[k] for k in range(terms)]
        errors = [(values[i] - polyval(found[::-1], grid[i])) * weights[i] for i in range(POINTS)]
        greatest = max(abs(e) for e in errors)
        if best is None or greatest < best[1]:
            best = found, greatest
        if greatest < abs(solution[terms]) * mpf('1.01'):
            break
        places = exchange(errors, terms + 1)
    return best


def single(x):
    return struct.unpack('f', struct.pack('f', float(x)))[0]


def parts(x, count, rounded):
    """x as a sum of floats, greatest first."""
    found = []
    for _ in range(count):
        found.append(rounded(x))
        x -= mpf(found[-1])
    return found


def literals(values):
    return ', '.join(float(v).hex() for v in values)


def print_terms(name, what, sizes, function, weight, low, high):
    """A table of polynomials: a row for each dn_math_precision."""
    print(f'\n// {what}')
    print(f'static const terms {name}[] = {{')
    for row, (size, rounded) in enumerate(zip(sizes, (single, float, float))):
        top = high[row] if isinstance(high, tuple) else high
        found, error = minimax(function, weight, low, top, size)
        print(f'    // 2^{float(log(error, 2)):.1f}')
        print(f'    {{{size}, {{{literals(rounded(c) for c in found)}}}}},')
    print('};')


def print_parts(name, what, x, count):
    print(f'\n// {what}')
    print(f'static const double {name}[][{count}] = {{')
    for rounded in (single, float, float):
        print(f'    {{{literals(parts(x, count, rounded))}}},')
    print('};')


def print_bits_of_two_over_pi(words):
    print('\n// 64 zero bits, then the bits of 2/pi behind the point, greatest first.')
    print(f'static const uint64_t two_over_pi[] = {{')
    mp.prec = 64 * words + 64
    bits = int(floor(2 / pi * mpf(2) ** (64 * (words - 1))))
    mp.dps = 60
    for i in range(words):
        print(f'    UINT64_C(0x{bits >> 64 * (words - 1 - i) & (1 << 64) - 1:016x}),')
    print('};')


def main():
    print('// Made by tests/native/make_math_coefficients.py: do not edit. Rows: F32, F64, F32_IN_F64.')
    print('#ifndef DN_CODEGEN_LLVM_MATH_COEFFICIENTS_H')
    print('#define DN_CODEGEN_LLVM_MATH_COEFFICIENTS_H')
    print('\n#include "codegen/llvm/math_internal.h"')
    ln2 = log(2)
    print_terms('exp_terms', '(e^r - 1 - r) / r^2 on |r| <= ln 2; the error is that of e^r - 1.',
                (7, 13, 8), lambda r: (expm1(r) - r) / r ** 2, lambda r: r * r / abs(expm1(r)),
                -ln2 * mpf('1.001'), ln2 * mpf('1.001'))
    print_terms('log_terms', '(log(1 + f) - f) / f^2 on [sqrt(1/2) - 1, sqrt(2) - 1].',
                (9, 21, 14), lambda f: (log1p(f) - f) / f ** 2, lambda f: f * f / abs(log1p(f)),
                sqrt(mpf(1) / 2) - 1, sqrt(mpf(2)) - 1)
    widest = (pi / 4 + mpf('0.01')) ** 2  # the quotient x / (pi/2) may be rounded the wrong way
    print_terms('sin_terms', '(sin(r) / r - 1) / z of z = r^2 on |r| <= pi/4 + 0.01.', (3, 7),
                lambda z: (mp.sin(sqrt(z)) / sqrt(z) - 1) / z,
                lambda z: z * sqrt(z) / mp.sin(sqrt(z)), TINY, widest)
    print_terms('cos_terms', '(cos(r) - 1 + z/2) / z^2 of z = r^2, there.', (3, 6),
                lambda z: (cos(sqrt(z)) - 1 + z / 2) / z ** 2,
                lambda z: z ** 2 / cos(sqrt(z)), TINY, widest)
    print_terms('erf_near', 'erf(a) / a - 1 of z = a^2 on a <= 1.', (7, 13),
                lambda z: erf(sqrt(z)) / sqrt(z) - 1, lambda z: sqrt(z) / erf(sqrt(z)), TINY, mpf(1))
    print_terms('erf_far', 'log(1 - erf(a)) from 1 to where erf(a) rounds to 1.', (7, 20),
                lambda a: log(erfc(a)), lambda a: erfc(a) / erf(a), mpf(1),
                (mpf('3.95'), mpf('5.95')))
    limit = (3 - 2 * sqrt(mpf(2))) ** 2
    print('\n// (atanh(s) / s - 1 - z/3) / z^2 of z = s^2 on |s| <= 3 - 2 sqrt(2).')
    found, error = minimax(lambda z: (mp.atanh(sqrt(z)) / sqrt(z) - 1 - z / 3) / z ** 2,
                           lambda z: z ** 2, TINY, limit, 9)
    print(f'static const terms atanh_terms =  // 2^{float(log(error, 2)):.1f}')
    print(f'    {{9, {{{literals(found)}}}}};')
    print_parts('ln2_parts', 'ln 2', ln2, 2)
    print_parts('half_pi_parts', 'pi / 2', pi / 2, 3)
    high = float(floor(ln2 * 2 ** 42) / 2 ** 42)
    print('\n// ln 2, the greater part with so few bits that its product with an exponent is exact')
    print(f'static const double ln2_short[] = {{{literals((high, ln2 - mpf(high)))}}};')
    print_bits_of_two_over_pi(20)
    print('\n#endif')


main()
