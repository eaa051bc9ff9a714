"""The article's GAN as it was printed: each of its mistakes is told at its line; the mended one has none.

as_written.expected holds a line `path:line:col: severity: message` for each message, and the hint below it.
After a change of the messages: endtoend_article_test.py BUILD_DIR --update, and read the difference.
"""
import json
import os
import re
import sys

from endtoend import DNET, DNETC, HERE, ROOT, check, check_in, finish, folder, read, run, run_fails, run_ok

PROGRAM = "examples/article/as_written.dnet"
EXPECTED = os.path.join(HERE, "as_written.expected")
ERRORS = 1

# What is wrong with the printed program: its line's text, and words of the message or hint.
MISTAKES = [
    ("LeakyReLU(0.01)", "there is no function called `LeakyReLU`"),
    ("LeakyReLU(0.01)", "did you mean `leaky_relu`?"),
    ("fake_output = discriminator(fake_images)", "should be f32[N, 128, 128, 3], not f32[64, 14, 14, 1]"),
    ("discriminator.loss(real_output, 1)", "`discriminator` has no parameter `loss`"),
    ("for {image, label} in faces", "has no field `label`"),
    ("gen_loss = bce(fake_output, 0)", "[-Wsame-objective]"),
]


def messages(err):
    """[(line, text)] where text is a message with its hint."""
    found = []
    for line in err.splitlines():
        place = re.match(rf"{PROGRAM}:(\d+):\d+: (error|warning): ", line)
        if place:
            found.append((int(place[1]), line))
        elif line.startswith("  hint: ") and found:
            found[-1] = found[-1][0], found[-1][1] + "\n" + line
    return found


def test_as_written():
    result = run_fails(ERRORS, DNETC, "-fsyntax-only", PROGRAM, cwd=ROOT)
    got = messages(result.err)
    text = "".join(message + "\n" for _, message in got)
    if "--update" in sys.argv:
        with open(EXPECTED, "w") as f:
            f.write(text)
    expected = read(EXPECTED).decode()
    check(text == expected, f"\n--- got\n{text}--- expected\n{expected}---")
    source = read(os.path.join(ROOT, PROGRAM)).decode().splitlines()
    for code, words in MISTAKES:
        lines = [i + 1 for i, line in enumerate(source) if code in line]
        check(lines, code, "is not in", PROGRAM)
        for line in lines:
            check(any(at == line and words in message for at, message in got), f"line {line}: nobody says", words)
    counts = re.search(r"^(\d+) errors, (\d+) warning", result.err, re.M)
    check(counts and int(counts[1]) + int(counts[2]) == len(got), result.err)
    check("^" in result.err and "\033" not in result.err)


def test_as_written_json():
    """The same messages for programs to read."""
    result = run_fails(ERRORS, DNETC, "-fsyntax-only", "-fdiagnostics-format=json", PROGRAM, cwd=ROOT)
    told = [json.loads(line) for line in result.err.splitlines()]
    plain = messages(run(DNETC, "-fsyntax-only", PROGRAM, cwd=ROOT).err)
    check(len(told) == len(plain), len(told), len(plain))
    for message, (line, text) in zip(told, plain):
        check(message["line"] == line and message["message"] in text, message, text)


def test_not_run():
    """dnet says the same and trains nothing."""
    said = run_fails(ERRORS, DNET, PROGRAM, "train", "--images", "nowhere", cwd=ROOT).err
    check(messages(said) == messages(run(DNETC, "-fsyntax-only", PROGRAM, cwd=ROOT).err))


def test_others():
    """Every other example is without a mistake, even a doubtful spot."""
    count = 0
    for place, _, names in os.walk(os.path.join(ROOT, "examples")):
        for name in names:
            path = os.path.relpath(os.path.join(place, name), ROOT)
            if not name.endswith(".dnet") or path == PROGRAM:
                continue
            result = run_ok(DNETC, "-Werror", "-fsyntax-only", path, cwd=ROOT)
            check(result.err == "", path, result)
            result = run_ok(DNET, path, "--help", cwd=ROOT)
            check_in("train", result.out)
            count += 1
    check(count >= 3, count)


def test_mended_by_hints():
    """The printed program with the hints followed, and the generator made to fit, is one that trains."""
    text = read(os.path.join(ROOT, PROGRAM)).decode()
    for old, new in [("LeakyReLU", "leaky_relu"), ("discriminator.loss(real_output, 1)", "bce(real_output, 1)"),
                     ("for {image, label} in faces", "for image in faces"),
                     ("gen_loss = bce(fake_output, 0)", "gen_loss = bce(fake_output, 1)"),
                     ("bce(fake_output, 0)", "bce(discriminator(stop_gradient(fake_images)), 0)"),
                     ("7 * 7", "32 * 32"), ("reshape(N, 7, 7, 128)", "reshape(N, 32, 32, 128)"),
                     ("conv2d_transpose(64, kernel: 5, stride: 1", "conv2d_transpose(64, kernel: 5, stride: 2"),
                     ("conv2d_transpose(1,", "conv2d_transpose(3,")]:
        check(old in text, old)
        text = text.replace(old, new)
    cwd = folder()
    path = os.path.join(cwd, "mended.dnet")
    with open(path, "w") as f:
        f.write(text)
    result = run_ok(DNETC, "-Werror", path, cwd=cwd)
    check(result.err == "", result)


test_as_written()
test_as_written_json()
test_not_run()
test_others()
test_mended_by_hints()
finish()
