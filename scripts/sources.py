#!/usr/bin/env python3
"""usage: scripts/sources.py

Prints a hash of what tests are built from and run: names and contents of all files of include/, host/, kernels/, tests/, bench/,
examples/, cmake/, scripts/ and of CMake's own at the top. It is the same before and after a commit, and does not depend on
documentation nor on tests/evidence.txt: logs of tests carry it, and scripts/evidence goes by no log of other sources.
"""

import hashlib
import os
import sys

root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
folders = ("bench", "cmake", "examples", "host", "include", "kernels", "scripts", "tests")
single = ("CMakeLists.txt", "CMakePresets.json")
no_source = {os.path.join("tests", "evidence.txt")}


def files_of(folder):
    found = [name for name in single if os.path.exists(os.path.join(folder, name))]
    for top in folders:
        for path, below, names in os.walk(os.path.join(folder, top)):
            below[:] = [name for name in below if name != "__pycache__" and not name.startswith(".")]
            found += [os.path.relpath(os.path.join(path, name), folder) for name in names
                      if not name.startswith(".") and not name.endswith(("~", ".md", ".pyc"))]
    return sorted(set(found) - no_source)


def hash_of(folder):
    both = hashlib.sha256()
    for name in files_of(folder):
        with open(os.path.join(folder, name), "rb") as file:
            both.update(f"{name}\0{hashlib.sha256(file.read()).hexdigest()}\n".encode())
    return both.hexdigest()[:16]


if __name__ == "__main__":
    if sys.argv[1:]:
        print(__doc__, end="", file=sys.stdout if sys.argv[1:] in (["--help"], ["-h"]) else sys.stderr)
        sys.exit(0 if sys.argv[1:] in (["--help"], ["-h"]) else 2)
    print(hash_of(root))
