"""What a measurement was made on and of: processor, threads, compiler, revision. Shared by the scripts that measure."""

import os
import re
import subprocess


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def threads():
    """As many as OpenMP takes."""
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(asked) if asked.isdigit() and int(asked) > 0 else len(os.sched_getaffinity(0))


def compiler(build):
    """Of a folder that CMake configured: "GNU 12.2.0"; None if none can be found there."""
    for path, _, files in os.walk(os.path.join(build, "CMakeFiles")):
        if "CMakeCXXCompiler.cmake" in files:
            with open(os.path.join(path, "CMakeCXXCompiler.cmake"), encoding="utf-8") as file:
                told = file.read()
            return " ".join(re.search(rf'CMAKE_CXX_COMPILER_{what} "(.*?)"', told)[1] for what in ("ID", "VERSION"))
    return None


def revision(folder):
    """The commit of that work tree, "-dirty" behind it where files differ; None where git does not know."""
    try:
        done = subprocess.run(["git", "-C", folder, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
                              capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
