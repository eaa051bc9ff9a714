"""Folders of images and CelebA's layout, with damaged files, as a program's user meets them."""
import os
import re

from endtoend import DNET, HERE, ROOT, check, check_in, finish, folder, png_bytes, read, run_fails, run_ok, write

FACES = os.path.join(HERE, "faces.dnet")
GOLDEN = os.path.join(ROOT, "tests", "data", "golden")
RUN = 1
FACE_COUNT, ATTRIBUTES = 9, 40


def flat(i):
    return png_bytes(10, 12, 3, lambda x, y: (20 * i, 10, 255))


def jpeg(name, number):
    """A JPEG of the golden tests; its comment makes it another file for each number."""
    data = read(os.path.join(GOLDEN, name))
    comment = b"face %d" % number
    return data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[2:]


def numbers(text):
    return [[float(x) for x in part.split(",")] for part in re.findall(r"\[([^]]*)\]", text)]


# ---- a folder ----

def soil(cwd):
    """Adds one file of each kind of defect; returns what has to be said of it, in the order of the names."""
    good = read(os.path.join(GOLDEN, "rgb.png"))
    write(os.path.join(cwd, "p/k.png"), good)
    write(os.path.join(cwd, "p/l.PNG"), good)
    write(os.path.join(cwd, "p/m.jpg"), b"")
    write(os.path.join(cwd, "p/n.png"), good[:len(good) // 2])
    write(os.path.join(cwd, "p/o.jpeg"), read(os.path.join(GOLDEN, "baseline.jpg"))[:300])
    write(os.path.join(cwd, "p/q.jpg"), "<html>404</html>")
    write(os.path.join(cwd, "p/deep/er/r.png"), jpeg("grey.jpg", 1))
    os.symlink("nowhere", os.path.join(cwd, "p/s.png"))
    write(os.path.join(cwd, "p/notes.txt"), "not looked at")
    return ["1 unreadable (s.png: ", "1 empty (m.jpg)", "2 truncated or damaged (n.png: damaged PNG: ",
            "o.jpeg: damaged JPEG: ", "1 not an image (q.jpg: its content is neither PNG nor JPEG)",
            "1 misnamed but used (deep/er/r.png: is a JPEG)", "1 duplicate (l.PNG: the same bytes as k.png)"]


def test_folder():
    cwd = folder()
    for i in range(4):
        write(os.path.join(cwd, f"p/{i}.png"), flat(i))
    clean = run_ok(DNET, FACES, "pictures", "--path", "p", "--strict", cwd=cwd)
    shades = [[round(c, 3) for c in colour] for colour in numbers(clean.out)]
    check(shades == [[20 * i, 10, 255] for i in range(4)] and clean.err == "", clean)
    grey = run_ok(DNET, FACES, "pictures", "--path", "p", "--grey", cwd=cwd)
    check(len(numbers(grey.out)) == 4 and all(len(n) == 1 for n in numbers(grey.out)), grey)

    said = soil(cwd)
    soiled = run_ok(DNET, FACES, "pictures", "--path", "p", cwd=cwd)
    check(soiled.err.startswith("6 of 12 images used\n"), soiled)
    for part in said:
        check_in(part, soiled.err)
    check(len(soiled.err.splitlines()) == 7 and clean.out in soiled.out, soiled)
    check(len(soiled.out.splitlines()) == 6, soiled)
    # Strict names one after another: what stands first is to be mended first.
    for name, why in [("deep/er/r.png", "misnamed"), ("l.PNG", "duplicate"), ("m.jpg", "empty"), ("n.png", "truncated"),
                      ("o.jpeg", "truncated"), ("q.jpg", "not an image"), ("s.png", "unreadable")]:
        run_fails(RUN, DNET, FACES, "pictures", "--path", "p", "--strict", cwd=cwd,
                  says=["faces.dnet:", f"error: p/{name}: {why}", "hint: without strict such files are skipped"])
        os.remove(os.path.join(cwd, "p", name))
    check(run_ok(DNET, FACES, "pictures", "--path", "p", "--strict", cwd=cwd).err == "")


def test_nothing():
    cwd = folder()
    os.mkdir(os.path.join(cwd, "p"))
    run_fails(RUN, DNET, FACES, "pictures", "--path", "none", cwd=cwd, says=["none: No such file"])
    run_fails(RUN, DNET, FACES, "pictures", "--path", "p", cwd=cwd, says=["p", ".png, .jpg or .jpeg"])
    write(os.path.join(cwd, "p/a.png"), "?")
    run_fails(RUN, DNET, FACES, "pictures", "--path", "p", cwd=cwd, says=["no usable image in p"])
    run_fails(RUN, DNET, FACES, "pictures", "--path", "p/a.png", cwd=cwd, says=["Not a directory"])


def test_classes():
    cwd = folder()
    for i, name in enumerate(["ant", "bee/small", "bee"]):
        write(os.path.join(cwd, f"p/{name}/{i}.png"), flat(i))
    result = run_ok(DNET, FACES, "classes", "--path", "p", cwd=cwd)
    labels = [(int(label[0]), mean[0]) for label, mean in zip(*[iter(numbers(result.out))] * 2)]
    check(sorted(labels) == [(0, 0), (1, 20), (1, 40)], result)
    run_fails(RUN, DNET, FACES, "classes", "--path", "p/ant", cwd=cwd, says=["has no subfolders"])


# ---- CelebA ----

def make_celeba(cwd):
    """Nine faces: 1 to 5 to train, 6 and 7 to validate, 8 and 9 to test. Face i has the first i attributes."""
    names = [f"{i:06}.jpg" for i in range(1, FACE_COUNT + 1)]
    kinds = ["baseline.jpg", "full_chroma.jpg", "grey.jpg", "progressive.jpg", "restart.jpg"]
    for i, name in enumerate(names, 1):
        write(os.path.join(cwd, "celeba/img_align_celeba", name), jpeg(kinds[i % len(kinds)], i))
    rows = [name + "".join("  1" if a < i else " -1" for a in range(ATTRIBUTES)) for i, name in enumerate(names, 1)]
    header = " ".join(f"Attribute_{a}" for a in range(ATTRIBUTES))
    write(os.path.join(cwd, "celeba/list_attr_celeba.txt"), "\n".join([str(len(names)), header, *rows, ""]))
    parts = [f"{name} {0 if i <= 5 else 1 if i <= 7 else 2}" for i, name in enumerate(names, 1)]
    write(os.path.join(cwd, "celeba/list_eval_partition.txt"), "\n".join([*parts, ""]))
    return names


def celeba(cwd, *flags):
    return [DNET, FACES, "celeba_parts", "--path", "celeba", *flags]


def test_celeba():
    cwd = folder()
    make_celeba(cwd)
    result = run_ok(*celeba(cwd, "--strict"), cwd=cwd)
    check(result.out.startswith("train 5 valid 2 test 2\nall 9\n") and result.err == "", result)
    found = numbers(result.out)
    for i in range(FACE_COUNT):
        colour, attributes = found[2 * i], found[2 * i + 1]
        check(len(colour) == 3 and all(0 < c < 255 for c in colour), colour)
        check(attributes == [1] * (i + 1) + [0] * (ATTRIBUTES - i - 1), i, attributes)


def test_celeba_damaged():
    cwd = folder()
    names = make_celeba(cwd)
    images = os.path.join(cwd, "celeba/img_align_celeba")
    os.remove(os.path.join(images, names[0]))
    write(os.path.join(images, names[1]), b"")
    write(os.path.join(images, names[6]), read(os.path.join(images, names[6]))[:200])
    write(os.path.join(images, names[8]), read(os.path.join(images, names[7])))
    result = run_ok(*celeba(cwd), cwd=cwd)
    check(result.out.startswith("train 3 valid 1 test 1\nall 5\n"), result)
    for part in (names[0] + ": cannot be opened", f"1 empty ({names[1]})", names[6] + ": damaged JPEG",
                 f"1 duplicate ({names[8]}: the same bytes as {names[7]})", "5 of 9 images used"):
        check_in(part, result.err)
    # The attributes stay with their faces.
    check([sum(n) for n in numbers(result.out)[1::2]] == [3, 4, 5, 6, 8], result.out)
    run_fails(RUN, *celeba(cwd, "--strict"), cwd=cwd, says=["faces.dnet:", names[0]])


def test_celeba_lists():
    """A list that is damaged is an error at its line; nothing can be made of it."""
    cwd = folder()
    make_celeba(cwd)
    attributes, parts = (os.path.join(cwd, "celeba", f"list_{kind}.txt") for kind in ("attr_celeba", "eval_partition"))
    for path, change, says in [
        (attributes, lambda t: t.replace("  1 -1", "  1 7", 1), "list_attr_celeba.txt:3"),
        (attributes, lambda t: t.replace(" Attribute_39", ""), "list_attr_celeba.txt"),
        (attributes, lambda t: t.replace("000003.jpg  1", "000003.jpg"), "list_attr_celeba.txt:5"),
        (attributes, lambda t: "nine" + t[1:], "list_attr_celeba.txt: line 1"),
        (parts, lambda t: t.replace("000002.jpg 0", "000002.jpg 5"), "list_eval_partition.txt:2"),
        (parts, lambda t: t.replace("000002.jpg 0", "000002.jpg"), "list_eval_partition.txt:2"),
    ]:
        kept = read(path).decode()
        check(change(kept) != kept)
        write(path, change(kept))
        run_fails(RUN, *celeba(cwd), cwd=cwd, says=["faces.dnet:", says])
        write(path, kept)
    for name in ("list_attr_celeba.txt", "list_eval_partition.txt", "img_align_celeba"):
        away = os.path.join(cwd, "away")
        os.rename(os.path.join(cwd, "celeba", name), away)
        run_fails(RUN, *celeba(cwd), cwd=cwd, says=["faces.dnet:", name])
        os.rename(away, os.path.join(cwd, "celeba", name))
    run_ok(*celeba(cwd, "--strict"), cwd=cwd)


test_folder()
test_nothing()
test_classes()
test_celeba()
test_celeba_damaged()
test_celeba_lists()
finish()
