"""What worker.hpp is, for peers in Python: `serve(what_it_is, variants_of)`.

`variants_of(name, x)` is given the points, an array (n, count), and returns what there is to time: {name: run}, or
{name: (run, as_columns)}. `run()` computes; `as_columns(result)` makes of that (value, gradient) of shapes (count,) and
(n, count). Results are let go after they were timed.
"""

import os
import sys
import time

# Lines that libraries print are not answers.
_answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def threads():
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def serve(what_it_is, variants_of):
    import numpy as np

    print(f"ready\t{what_it_is}", file=_answers)
    variants = {}
    for line in sys.stdin:
        words = line.rstrip("\n").split("\t")
        try:
            if words[0] == "case":
                variants = None
                n, count = int(words[3]), int(words[4])
                # Pages that all readers of the file share; a private copy of those that somebody writes to.
                x = np.memmap(words[2], dtype=np.float64, mode="c", shape=(n, count))
                variants = variants_of(words[1], np.asarray(x))
                print("\t".join(["variants", *variants]), file=_answers)
                continue
            run, as_columns = variants[words[1]] if words[0] in ("prepare", "run", "answers") else (None, None)
            if words[0] == "answers":
                value, gradient = as_columns(run())
                sample = [np.asarray(value)[::int(words[3])], *np.asarray(gradient)[:, ::int(words[3])]]
                np.stack(sample, axis=1).astype(np.float64).tofile(words[2])
                del value, gradient
                print("written", file=_answers)
            else:
                begun = time.perf_counter()
                result = run()
                seconds = time.perf_counter() - begun
                del result
                print(f"seconds\t{seconds:.9f}", file=_answers)
        except Exception as error:  # whatever a library throws is an answer too
            why = " ".join(str(error).split())[:200] or "no reason given"
            print(f"error\t{type(error).__name__}: {why}", file=_answers)
