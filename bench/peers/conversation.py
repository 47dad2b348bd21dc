"""The side of scripts/compare_peers that asks: programs that stay alive and do what they are told, as worker.hpp has it."""

import os
import selectors
import subprocess
import time

from environment import Unavailable

PATIENCE = 600  # seconds for an answer


class Failed(Exception):
    """What a worker answered in place of a result."""


class Worker:
    def __init__(self, name, command, threads, log):
        self.name, self.log = name, log
        settings = {key: str(threads) for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")}
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                            env={**os.environ, **settings})
        except OSError as error:
            raise Unavailable(f"{command[0]}: {error.strerror}") from error
        self.heard = b""
        self.what = self.listen("ready")[0]

    def listen(self, expected):
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            until = time.monotonic() + PATIENCE
            while b"\n" not in self.heard:
                if not selector.select(max(0, until - time.monotonic())):
                    self.end()
                    raise Failed(f"no answer within {PATIENCE} s")
                more = os.read(self.process.stdout.fileno(), 1 << 16)
                if not more:
                    status = self.process.wait()
                    raise Failed(self.last_words() or f"ended with status {status}")
                self.heard += more
        line, self.heard = self.heard.split(b"\n", 1)
        words = line.decode().split("\t")
        if words[0] != expected:
            raise Failed(words[1] if words[0] == "error" and len(words) > 1 else f"answered '{line.decode()}'")
        return words[1:]

    def last_words(self):
        self.log.seek(0)
        lines = [line for line in self.log.read().decode(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip()[:200] if lines else ""

    def ask(self, expected, *words):
        try:
            self.process.stdin.write(("\t".join(map(str, words)) + "\n").encode())
            self.process.stdin.flush()
        except OSError:
            pass  # its end is heard of below
        return self.listen(expected)

    def end(self):
        self.process.kill()
        self.process.wait()
