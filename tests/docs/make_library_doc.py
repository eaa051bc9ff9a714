"""Makes docs/library.md from the doc comments of stdlib/*.dnet and the op table.

Usage: make_library_doc.py [--check]     with --check: only says whether it is up to date
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(ROOT, "docs", "library.md")

# In the order of the page: file, title.
FILES = [
    ("layers", "Layers"), ("activations", "Activations"), ("losses", "Losses"), ("metrics", "Metrics"),
    ("optimizers", "Optimizers"), ("schedules", "Schedules"), ("initializers", "Initializers"),
    ("core", "Tensors: what the compiler provides"), ("arrays", "Tensors: helpers"),
    ("host", "Host functions: data, files, output"),
]
DECLARATION = re.compile(r"(?:extern )?(fn|net|optimizer|command) (\w+)\(")

HEAD = """# The library

Made by `tests/docs/make_library_doc.py` from the doc comments of `stdlib/*.dnet`; do not edit it here.
The library is written in dnet itself: the text of each definition is in [stdlib/](../stdlib).
What the types in the signatures mean is in [language.md](language.md).

"""


def signature(text, start):
    """From the declaration's name to the end of its parameters and result."""
    depth, end = 0, start
    while end < len(text):
        depth += text[end] in "([{"
        depth -= text[end] in ")]}"
        end += 1
        if depth == 0 and text[end - 1] == ")":
            break
    result = re.compile(r"\s*->\s*([^{\n]+)").match(text, end)
    if result:
        end = result.end()
    lines = text[start:end].split("\n")
    return "\n".join([lines[0]] + ["    " + line.strip() for line in lines[1:]])


def declarations(text):
    """(kind, name, signature, doc) of each documented declaration, and the file's own comment."""
    found, doc, about = [], [], []
    position = 0
    for line in text.splitlines(keepends=True):
        match = DECLARATION.match(line)
        section = re.match(r"// ---- (.+) ----", line)
        if line.startswith("///"):
            doc.append(line[3:].strip())
        elif match:
            found.append((match[1], match[2], signature(text, position + match.start(2)), doc))
            doc = []
        elif section:
            found.append(("section", section[1], "", []))
        elif line.startswith("//") and not found:
            about.append(line[2:].strip())
        elif line.strip():
            doc = []
        position += len(line)
    return found, about


def prose(lines):
    """A comment as Markdown: what would mean something there, outside of its `code`, is escaped."""
    parts = re.split(r"(`[^`]*`)", "\n".join(lines).strip())
    return "".join(p if p.startswith("`") else re.sub(r"(<(?=\w)|\*(?! )|(?<! )\*)", r"\\\1", p) for p in parts)


def page():
    parts = [HEAD]
    texts = {name: open(os.path.join(ROOT, "stdlib", name + ".dnet"), encoding="utf-8").read()
             for name, _ in FILES}
    for name, title in FILES:
        found, _ = declarations(texts[name])
        anchor = re.sub(r"[^a-z -]", "", title.lower()).replace(" ", "-")
        names = ", ".join(f"`{n}`" for kind, n, _, _ in found if kind != "section")
        parts.append(f"- [{title}](#{anchor}): {names}\n")
    for name, title in FILES:
        found, about = declarations(texts[name])
        parts.append(f"\n## {title}\n\n`stdlib/{name}.dnet`. {prose(about)}\n")
        for kind, declared, text, doc in found:
            if kind == "section":
                parts.append(f"\n### {declared[0].upper()}{declared[1:]}\n")
            else:
                parts.append(f"\n#### {declared}\n\n```text\n{kind} {text}\n```\n\n{prose(doc)}\n")
    return "".join(parts)


def main():
    listed = {name for name, _ in FILES}
    present = {f[:-5] for f in os.listdir(os.path.join(ROOT, "stdlib")) if f.endswith(".dnet")}
    if listed != present:
        sys.exit(f"make_library_doc.py: FILES and stdlib/ differ: {sorted(listed ^ present)}")
    text = page()
    if "--check" not in sys.argv:
        open(OUT, "w", encoding="utf-8").write(text)
    elif not os.path.exists(OUT) or open(OUT, encoding="utf-8").read() != text:
        sys.exit("docs/library.md is not that of stdlib/*.dnet: run tests/docs/make_library_doc.py")


main()
