"""METEOR 1.5 (Denkowski and Lavie 2014): matches by word, stem, synonym and paraphrase.

The matching is the Java program that `pycocoevalcap` carries. It loads its tables for seconds, so
one process is started at the first use and serves every score of this Python process; it reads
its standard input, so it ends with this process however that ends. The score is computed here
from the program's counts (equal to its own to the last digit), because only counts can be summed
over other sets of pictures, as intervals need.
"""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from cnnrnn.errors import CnnRnnError

# The program's parameters for English.
_ALPHA, _BETA, _GAMMA, _DELTA = 0.85, 0.2, 0.6, 0.75
_MODULE_WEIGHTS = np.array([1.0, 0.6, 0.8, 0.6])  # word, stem, synonym, paraphrase

# A line of counts: words, then function words, of hypothesis and reference; for each module
# matched content words (hypothesis, reference) and function words (same); chunks; all matches.
_FIELDS = 23
_CHUNKS = 20


class Meteor:
    """A running METEOR program.

    Raises:
        CnnRnnError: Java or the program is not on this machine.
    """

    def __init__(self):
        java, jar = shutil.which("java"), _jar()
        if java is None:
            raise CnnRnnError("METEOR needs Java, and no java is on the PATH", "install a JRE")
        self._lock = threading.Lock()
        # A file, because nobody reads the stream: a full pipe would stop the program.
        self._messages = tempfile.TemporaryFile()
        try:
            # The serial collector starts as fast and takes 0.6 GB where the default takes 1.2.
            self._process = subprocess.Popen(
                [java, "-Dfile.encoding=UTF-8", "-Xmx2G", "-XX:+UseSerialGC", "-jar", jar.name]
                + ["-", "-", "-stdio", "-l", "en", "-norm"],
                cwd=jar.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._messages,
            )
        except OSError as error:
            raise CnnRnnError(f"METEOR needs Java, and {java} does not start: {error}") from error

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def counts(self, references: Sequence[Sequence[str]], hypotheses: Sequence[str]) -> np.ndarray:
        """Matches of N hypotheses, each against its best reference.

        Args:
            references: for each hypothesis one or more sentences of space-separated tokens.
            hypotheses: sentences of space-separated tokens.

        Returns:
            float64 (N, 23), rows of counts; `scores` and `corpus` make METEOR of them.

        Raises:
            CnnRnnError: the program ended or answered nonsense; this object is closed then.
        """
        with self._lock:
            try:
                rows = [
                    self._ask(refs, text) for refs, text in zip(references, hypotheses, strict=True)
                ]
            except BaseException:
                # Also on Ctrl-C: an answer left unread would be taken for that of the next line.
                self.close()
                raise
        return np.array(rows).reshape(-1, _FIELDS)

    def _ask(self, references: Sequence[str], hypothesis: str) -> list[float]:
        texts = [text.replace("|||", "") for text in (*references, hypothesis)]
        answer = b""
        try:
            self._process.stdin.write(
                (" ||| ".join(["SCORE", *texts]) + "\n").encode(errors="replace")
            )
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
            values = [float(value) for value in answer.split()]
        except (OSError, ValueError):  # a broken or closed pipe, or no numbers
            values = []
        if len(values) != _FIELDS:
            raise CnnRnnError(f"METEOR's Java program failed: {self._last_words(answer)}")
        return values

    def _last_words(self, answer: bytes) -> str:
        if answer.strip():
            return f"unexpected answer {answer[:80].decode(errors='replace').strip()!r}"
        try:
            status = self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            return "it closed its output"
        self._messages.seek(0)
        lines = self._messages.read().decode(errors="replace").strip().splitlines()
        return lines[0] if lines else f"it ended with status {status}"

    def close(self) -> None:
        """End the program; nothing happens where it has ended."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                pipe.close()
            except OSError:  # what was still to be written has no reader now
                pass
        self._process.wait()


def _jar() -> Path:
    try:
        found = find_spec("pycocoevalcap.meteor.meteor")
    except ModuleNotFoundError:
        found = None
    jars = sorted(Path(found.origin).parent.glob("meteor-*.jar")) if found else []
    if not jars:
        raise CnnRnnError(
            "METEOR's program is missing", "pip install --force-reinstall pycocoevalcap"
        )
    return jars[-1]


_shared: Meteor | None = None
_starting = threading.Lock()


def shared() -> Meteor:
    """The one program of this Python process, started when it is not running.

    Raises:
        CnnRnnError: Java or the program is not on this machine.
    """
    global _shared
    with _starting:
        if _shared is None or not _shared.running:
            if _shared is not None:
                _shared.close()
            _shared = Meteor()
            atexit.register(_shared.close)
        return _shared


def scores(counts: np.ndarray) -> np.ndarray:
    """METEOR (0 to 1) of each row of `Meteor.counts`: (..., 23) to (...)."""
    length, reference_length, function, reference_function = np.moveaxis(counts[..., :4], -1, 0)
    modules = counts[..., 4:_CHUNKS].reshape(*counts.shape[:-1], 4, 4)
    chunks, matches, reference_matches = np.moveaxis(counts[..., _CHUNKS:], -1, 0)

    def share(content, functions, words, function_words):
        """Matched words over all words, function words for less."""
        matched = (_DELTA * content + (1 - _DELTA) * functions) @ _MODULE_WEIGHTS
        return matched / (_DELTA * (words - function_words) + (1 - _DELTA) * function_words)

    with np.errstate(divide="ignore", invalid="ignore"):
        precision = share(modules[..., 0], modules[..., 2], length, function)
        recall = share(modules[..., 1], modules[..., 3], reference_length, reference_function)
        mean = precision * recall / (_ALPHA * precision + (1 - _ALPHA) * recall)
        scattered = chunks / ((matches + reference_matches) / 2)
    scattered = np.where(_identical(counts), 0.0, scattered)
    # 0 / 0 where nothing matches or a sentence is empty: the program says 0 there.
    return np.nan_to_num(mean * (1 - _GAMMA * scattered**_BETA))


def corpus(counts: np.ndarray) -> float:
    """METEOR (0 to 1) of all rows (N, 23) together; it is not the mean of their scores."""
    total = counts.sum(axis=0)
    # The program counts no chunk for a hypothesis that repeats its reference.
    total[_CHUNKS] -= counts[_identical(counts), _CHUNKS].sum()
    return float(scores(total))


def _identical(counts: np.ndarray) -> np.ndarray:
    length, reference_length = counts[..., 0], counts[..., 1]
    chunks, matches, reference_matches = np.moveaxis(counts[..., _CHUNKS:], -1, 0)
    return (matches == length) & (reference_matches == reference_length) & (chunks <= 1)
