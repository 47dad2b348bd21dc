"""Where scripts/compare_peers has its peers: a folder with a virtual environment of Python, Debian packages that are unpacked
and not installed, and the programs that are compiled from them. Deleting the folder undoes all of it.
"""

import glob
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# Python's module -> package of PyPI.
PYPI = {"numpy": "numpy", "scipy": "scipy", "jax": "jax", "torch": "torch", "casadi": "casadi"}

# Peer -> its header, packages that bring it, libraries to link.
DEBIAN = {
    "eigen": ("unsupported/Eigen/AutoDiff", ["libeigen3-dev"], []),
    "ceres": ("ceres/jet.h", ["libceres-dev", "libeigen3-dev"], []),
    "adolc": ("adolc/adolc.h", ["libadolc-dev", "libadolc2", "libcolpack0v5"], ["-ladolc"]),
}


class Unavailable(Exception):
    """Why a peer is left out, in a line."""


def said(command, **more):
    """What a command prints; its last line where it fails."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    except OSError as error:
        raise Unavailable(f"{command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()] or lines
        raise Unavailable(errors[-1].strip() if errors else f"{command[0]} ended with status {done.returncode}")
    return done.stdout


class Environment:
    def __init__(self, folder, offline):
        self.folder, self.offline = folder, offline
        self.python = os.path.join(folder, "venv", "bin", "python")
        self.root = os.path.join(folder, "debian")
        os.makedirs(folder, exist_ok=True)

    def with_python(self, modules):
        """A Python that has all these modules."""
        if not os.path.exists(self.python):
            said([sys.executable, "-m", "venv", os.path.join(self.folder, "venv")])
        for module in modules:
            there = [self.python, "-c", f"import {module}"]
            try:
                said(there)
            except Unavailable:
                if self.offline:
                    raise Unavailable(f"{module} is not in {self.folder}/venv, and nothing is to be downloaded") from None
                print(f"compare_peers: installing {module} from PyPI", file=sys.stderr, flush=True)
                said([self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PYPI[module]])
                said(there)
        return self.python

    def include_folders(self):
        folders = [os.path.join(root, inner) for root in (self.root, "/")
                   for inner in ("usr/include", "usr/include/eigen3")]
        return [folder for folder in folders if os.path.isdir(folder)]

    def has_header(self, header):
        return any(os.path.exists(os.path.join(folder, header)) for folder in self.include_folders())

    def compiled(self, peer):
        """A program of a peer in C++, built from what is installed or else from packages that are unpacked here."""
        header, packages, libraries = DEBIAN[peer]
        if not self.has_header(header):
            if self.offline:
                raise Unavailable(f"{header} is not there, and nothing is to be downloaded")
            self.unpack(packages)
        if not self.has_header(header):
            raise Unavailable(f"{header} is in none of {', '.join(packages)}")
        program = os.path.join(self.folder, f"{peer}_peer")
        places = sorted(set(os.path.dirname(path) for path in glob.glob(f"{self.root}/usr/lib/**/*.so*", recursive=True)))
        said([os.environ.get("CXX", "g++"), "-std=c++20", "-O3", "-march=native", "-DNDEBUG", "-fopenmp",
              f'-DPEER_VERSION="{self.version(packages[0])}"',
              *(word for folder in self.include_folders() if folder != "/usr/include" for word in ("-isystem", folder)),
              os.path.join(HERE, f"{peer}_peer.cpp"), "-o", program,
              *(word for place in places for word in (f"-L{place}", f"-Wl,-rpath,{place},-rpath-link,{place}")), *libraries])
        return program

    def unpack(self, packages):
        downloads = os.path.join(self.folder, "packages")
        os.makedirs(downloads, exist_ok=True)
        if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
            raise Unavailable(f"needs {packages[0]}, and this is neither Debian nor Ubuntu")
        print(f"compare_peers: unpacking {' '.join(packages)}", file=sys.stderr, flush=True)
        said(["apt-get", "download", "--quiet", *packages], cwd=downloads)
        for package in packages:
            for path in glob.glob(os.path.join(downloads, f"{package}_*.deb")):
                said(["dpkg", "--extract", path, self.root])

    def version(self, package):
        for path in glob.glob(os.path.join(self.folder, "packages", f"{package}_*.deb")):
            return os.path.basename(path).split("_")[1]
        try:
            return said(["dpkg-query", "--show", "--showformat=${Version}", package])
        except Unavailable:
            return ""


def install_by_apt(packages):
    """For PETSc, which needs all of MPI: as root or by sudo."""
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    said([*as_root, "apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages],
         env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
