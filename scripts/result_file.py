"""Files of results: looked at before anything is measured, and never there by half."""

import json
import os


def require_writable(path):
    """OSError if it can't be written; what is there is left as it is."""
    is_new = not os.path.lexists(path)
    with open(path, "a", encoding="utf-8"):
        pass
    if is_new:
        os.remove(path)


def write_json(path, data):
    """Appears whole, or not at all. Throws OSError."""
    partial = path + ".part"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
        file.write("\n")
    os.replace(partial, path)
