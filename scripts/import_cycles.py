#!/usr/bin/env python3
"""Find import cycles between the Rust files of each crate.

    scripts/import_cycles.py               # prints each cycle with the imports that close it; exits with 1 if there is one
    scripts/import_cycles.py --self-test   # plants a cycle and checks that it is found

A file imports another if it names an item that the other one defines: in a `use`, or in a path that starts with `crate`,
`super` or `self`. Re-exports are followed to the file that defines the item, so a `mod.rs` that only lists its children
imports nothing. Tests (`#[cfg(test)]` modules, files named tests.rs) don't count.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

IDENT = r"[A-Za-z_][A-Za-z0-9_]*"
DEFINITION = re.compile(
    rf"^\s*(?:pub(?:\([^)]*\))?\s+)?(?:default |const |async |unsafe |extern \"C\" )*"
    rf"(?:fn|struct|enum|trait|type|const|static|union|macro_rules!|mod)\s+({IDENT})", re.M,
)  # fmt: skip
USE = re.compile(r"^\s*(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);", re.M)
TEST = re.compile(
    r"#\[cfg\((?:all\()?test\b[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*(?:pub(?:\([^)]*\))?\s+)?(?:mod|fn|use|impl)\b[^;{]*"
)
INLINE = re.compile(rf"\b((?:crate|super|self)(?:::{IDENT})+)")


def without_comments_and_tests(text):
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', text, flags=re.S)
    while match := TEST.search(text):
        end = match.end()
        if end < len(text) and text[end] == "{":
            depth = 0
            while end < len(text):
                depth += {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
                if depth == 0:
                    break
        text = text[: match.start()] + text[end + (text[end : end + 1] == ";") :]
    return text


def expand(tree, prefix=()):
    """The paths of a use tree: `a::{b, c::d as e}` gives (a, b) with the name b, and (a, c, d) with the name e."""
    tree = tree.strip()
    if "{" in tree:
        head, body = tree.split("{", 1)
        path = prefix + tuple(part for part in head.strip().split("::") if part)
        depth, item = 0, ""
        for character in body.rsplit("}", 1)[0] + ",":
            if character == "," and depth == 0:
                if item.strip():
                    yield from expand(item, path)
                item = ""
                continue
            depth += {"{": 1, "}": -1}.get(character, 0)
            item += character
        return
    path, _, alias = tree.partition(" as ")
    parts = prefix + tuple(part.strip() for part in path.split("::") if part.strip())
    if parts and parts[-1] == "self":
        parts = parts[:-1]
    if parts:
        yield parts, alias.strip() or parts[-1]


class Crate:
    def __init__(self, source):
        self.files = {}
        for file in sorted(source.rglob("*.rs")):
            relative = file.relative_to(source)
            if relative.name == "tests.rs" or "bin" in relative.parts:
                continue
            parts = relative.with_suffix("").parts
            module = parts[:-1] if parts[-1] in ("mod", "lib", "main") else parts
            self.files[module] = (relative, without_comments_and_tests(file.read_text()))
        self.defined = {module: set(DEFINITION.findall(text)) for module, (_, text) in self.files.items()}
        self.exports = {}
        for module, (_, text) in self.files.items():
            for public, tree in USE.findall(text):
                if public:
                    for path, name in expand(tree):
                        self.exports.setdefault(module, []).append((self.absolute(module, path), name))

    def absolute(self, module, path):
        """The path from the crate's root, or None if it starts in another crate."""
        if path[0] == "crate":
            return path[1:]
        if path[0] in ("self", "super"):
            base = module
            while path and path[0] in ("self", "super"):
                base, path = (base[:-1] if path[0] == "super" else base), path[1:]
            return base + path
        if module + path[:1] in self.files or path[0] in self.defined[module]:
            return module + path
        return None

    def definer(self, path, seen=()):
        """The module whose file defines what the path names."""
        module = path
        while module and module not in self.files:
            module = module[:-1]
        rest = path[len(module) :]
        if not rest or (path, module) in seen:
            return module
        for target, name in self.exports.get(module, []):
            if target is None or name not in (rest[0], "*"):
                continue
            target = target[:-1] + rest if name == "*" else target + rest[1:]
            found = self.definer(target, (*seen, (path, module)))
            if name != "*" or rest[0] in self.defined.get(found, ()):
                return found
        return module

    def imports(self):
        """Module → module it imports → the names it takes."""
        edges = {module: {} for module in self.files}
        for module, (_, text) in self.files.items():
            paths = [path for public, tree in USE.findall(text) if not public for path, _ in expand(tree)]
            paths += [tuple(found.split("::")) for found in INLINE.findall(USE.sub("", text))]
            for path in paths:
                target = self.absolute(module, path)
                if target is None:
                    continue
                if target and target[-1] == "*":
                    target = target[:-1]
                definer = self.definer(target)
                # Importing a child module alone, to call `child::f`, is no import of its items; the call is an inline path.
                if definer != module:
                    edges[module].setdefault(definer, set()).add(target[-1] if target else "crate")
            # `child::item` in the code of a mod.rs.
            for child in (other[-1] for other in self.files if other[:-1] == module and other):
                for name in re.findall(rf"(?<![\w:]){child}::({IDENT})", USE.sub("", text)):
                    definer = self.definer((*module, child, name))
                    if definer != module:
                        edges[module].setdefault(definer, set()).add(name)
        return edges


def components(edges):
    """Strongly connected components of more than one module (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in edges[node]:
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[-len(group) :]
            if len(group) > 1:
                found.append(sorted(group))

    sys.setrecursionlimit(10_000)
    for node in edges:
        if node not in index:
            visit(node)
    return found


def report(root):
    count = 0
    listing = subprocess.run(["git", "ls-files", "*Cargo.toml"], cwd=root, capture_output=True, text=True)
    manifests = listing.stdout.split()
    for source in [root / manifest.replace("Cargo.toml", "src") for manifest in manifests] or [root / "src"]:
        if not source.is_dir():
            continue
        crate = Crate(source)
        edges = crate.imports()
        for group in components(edges):
            count += 1
            print(f"import cycle of {len(group)} files in {source.relative_to(root)}:")
            for module in group:
                for other in sorted(set(edges[module]) & set(group)):
                    names = ", ".join(sorted(edges[module][other]))
                    print(f"  {crate.files[module][0]} imports {crate.files[other][0]}: {names}")
    return count


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        (source / "a").mkdir(parents=True)
        (source / "lib.rs").write_text("mod a;\nmod b;\npub use a::{f, Child};\n")
        (source / "b.rs").write_text("use crate::Child;\npub fn g(_: Child) {}\n")
        (source / "a/mod.rs").write_text("mod child;\npub use child::Child;\npub fn f() {}\n")
        (source / "a/child.rs").write_text("pub struct Child;\n")
        assert report(Path(folder)) == 0, "a re-export is not an import"
        (source / "a/child.rs").write_text("pub struct Child;\nfn h(c: Child) { crate::b::g(c) }\n")
        assert report(Path(folder)) == 1, "b takes Child from a/child.rs, which calls b::g"
        (source / "a/child.rs").write_text("use super::f;\npub struct Child;\n")
        (source / "a/mod.rs").write_text("mod child;\npub use child::Child;\npub fn f() -> Child { child::make() }\n")
        (source / "a/child.rs").write_text("use super::f;\npub struct Child;\npub fn make() -> Child { f() }\n")
        assert report(Path(folder)) == 1, "a mod.rs that calls its child, which calls back"


if __name__ == "__main__":
    if "--self-test" in sys.argv:
        self_test()
        print("self-test passed")
    else:
        cycles = report(Path(__file__).resolve().parent.parent)
        print(f"{cycles} import cycles")
        sys.exit(bool(cycles))
