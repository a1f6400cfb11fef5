"""Everything a person sees: results on stdout, and all the rest on stderr.

Click and the standard library only, so that every module may import this one without cost.
"""

from __future__ import annotations

import functools
import json
import math
import os
import re
import shutil
import sys
import time
import traceback
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from cnnrnn.errors import CnnRnnError

TERMINAL_INTERVAL = 0.1  # seconds between two rewritings of the progress line
PLAIN_INTERVAL = 10.0  # seconds between two progress lines where stderr is a file or a pipe
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
INTERRUPTED = 130  # what a shell reports after Ctrl-C


@dataclass
class _State:
    """What the options -q and --debug have chosen for this process."""

    quiet: bool = False
    debug: bool = False
    progress: Progress | None = None


_state = _State()


def set_verbosity(quiet: bool) -> None:
    """Silence progress, information and the closing lines; warnings and errors stay."""
    _state.quiet = quiet


def set_debug(debug: bool) -> None:
    """Show the traceback of every error before its line."""
    _state.debug = debug


def _say(line: str) -> None:
    if _state.progress:
        _state.progress.erase()
    click.echo(line, err=True)


def info(message: str) -> None:
    """Tell how the work goes; nothing under -q."""
    if not _state.quiet:
        _say(message)


def warn(message: str) -> None:
    """Tell what a person should know although the work goes on."""
    _say(f"warning: {message}")


def error(exc: BaseException | str) -> None:
    """Tell a failure in one line; under --debug the traceback comes before it."""
    if _state.debug and isinstance(exc, BaseException):
        _say("".join(traceback.format_exception(exc)).rstrip())
    if isinstance(exc, (CnnRnnError, str)):
        line = str(exc)
    else:
        line = f"unexpected {type(exc).__name__}: {exc} (please report it; --debug shows more)"
    _say("error: " + " ".join(line.split()))


def result(line: str) -> None:
    """Write one line of results to stdout."""
    if _state.progress:
        _state.progress.erase()
    click.echo(line)


def field(text: str) -> str:
    """A name for a line of results: line breaks, tabs and the like in it are escaped."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def json_line(value: Any) -> None:
    """Write one JSON object as one line of stdout.

    NumPy numbers and arrays become plain ones; a number that JSON lacks (NaN, infinity) is null.
    """
    result(json.dumps(_plain(value), ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # a NumPy array or scalar, without importing NumPy
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, type(None))) else str(value)


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Text with aligned columns: numbers to the right, words to the left.

    Args:
        headers: the C column names.
        rows: rows of C cells; a float is shown with three decimals and None as `-`.
    """
    rows = [list(row) for row in rows]
    lines = [list(headers)] + [[_cell(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    numeric = [
        bool(rows) and all(isinstance(row[c], (int, float, type(None))) for row in rows)
        for c in range(len(headers))
    ]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("  ".join(map(_pad, line, widths, numeric)).rstrip() for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _width(text: str) -> int:
    """Columns that a terminal needs: Chinese and Japanese characters take two, accents none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space


def counted(number: int, unit: str) -> str:
    """`3 pictures`, `1 picture`; the unit is given in the plural."""
    return f"{number} {unit[:-1] if number == 1 and unit.endswith('s') else unit}"


def duration(seconds: float) -> str:
    """`0.4 s`, `42 s`, `1 min 42 s` or `2 h 05 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if not minutes:
        return f"{seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"


def size(byte_count: float) -> str:
    """`812 B`, `1.4 MB` or `12 GB`, in powers of 1000."""
    if byte_count < 1000:
        return f"{byte_count:.0f} B"
    units = ["kB", "MB", "GB"]
    byte_count /= 1000
    while byte_count >= 1000 and len(units) > 1:
        byte_count /= 1000
        units.pop(0)
    return f"{byte_count:.{1 if byte_count < 10 else 0}f} {units[0]}"


def closing(*pairs: tuple[str, Any]) -> None:
    """The lines that end a command: what came out, where it is, what to do next.

    Args:
        pairs: (label, text). The first one is the headline, written `label: text`; a pair with the
            label `report` shares the line of the pair before it.
    """
    (label, text), *rest = pairs
    lines = [f"{label}: {text}"]
    for label, text in rest:
        if label == "report" and len(lines) > 1:
            lines[-1] = f"{lines[-1]:<42} {label}  {text}"
        else:
            lines.append(f"{label:<8} {text}")
    for line in lines:
        info(line)


class Progress:
    """One line that says how far the work is, how fast it goes and how long it will take.

    On a terminal the line is rewritten and vanishes at the end; elsewhere a plain line comes at
    most every 10 s, so that a log stays short. Nothing under -q.

    Args:
        total: how many steps there will be, None where nobody knows (a stream).
        label: what is being done, e.g. `features`.
        unit: what is counted, in the plural, e.g. `pictures`.
    """

    def __init__(self, total: int | None, label: str, unit: str = ""):
        self.total, self.label, self.unit = total, label, unit
        self.done = 0
        self._note = ""
        self._terminal = sys.stderr.isatty()
        self._drawn = False

    def __enter__(self) -> Progress:
        self._start = time.monotonic()
        # A terminal should show a sign of life at once, a log only what takes long.
        self._last = self._start - (TERMINAL_INTERVAL if self._terminal else 0)
        self._outer, _state.progress = _state.progress, self
        return self

    def __exit__(self, *_exc: object) -> None:
        self.erase()
        _state.progress = self._outer

    def update(self, n: int = 1, note: str = "") -> None:
        """Count `n` more steps; `note` (e.g. the loss) stays until the next one replaces it."""
        self.done += n
        self._note = note or self._note
        now = time.monotonic()
        if _state.quiet or now - self._last < self._interval:
            return
        self._last = now
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            click.echo("\r\x1b[K" + _cut(self.line(now), width), nl=False, err=True)
            self._drawn = True
        else:
            click.echo(self.line(now), err=True)

    def erase(self) -> None:
        """Take the line off the terminal, so that another one can be written."""
        if self._drawn:
            click.echo("\r\x1b[K", nl=False, err=True)
            self._drawn = False

    @property
    def _interval(self) -> float:
        return TERMINAL_INTERVAL if self._terminal else PLAIN_INTERVAL

    def line(self, now: float) -> str:
        """The line's text at the time `now` (seconds of `time.monotonic`)."""
        spent = max(now - self._start, 1e-9)
        rate = self.done / spent
        unit = f" {self.unit}" if self.unit else ""
        parts = [f"{self.label}  {self.done}"]
        if self.total:
            parts = [f"{self.label}  {self.done}/{self.total}", f"{self.done / self.total:4.0%}"]
        parts.append(f"{rate:.{0 if rate >= 10 else 2}f}{unit}/s")
        if self.total and 0 < self.done <= self.total:
            parts.append(f"{duration((self.total - self.done) / rate)} left")
        return "  ".join([*parts, self._note]).rstrip()


def _cut(text: str, width: int) -> str:
    while _width(text) > width:
        text = text[:-1]
    return text


class Report:
    """Counts what succeeded and what failed, and so decides the exit code.

    Args:
        unit: what is counted, in the plural, e.g. `pictures`.
    """

    def __init__(self, unit: str = "inputs"):
        self.unit = unit
        self.succeeded = 0
        self.failures: list[tuple[str, str]] = []

    def ok(self, n: int = 1) -> None:
        """Count `n` successes."""
        self.succeeded += n

    def fail(self, name: str, reason: BaseException | str) -> None:
        """Count a failure and tell it in one line; the work goes on."""
        reason = str(reason)
        self.failures.append((name, reason))
        error(reason if name in reason else f"{name}: {reason}")

    @property
    def exit_code(self) -> int:
        """0 where nothing failed, else 1."""
        return 1 if self.failures else 0

    def summary(self) -> str:
        """One line of counts, e.g. `98 pictures done, 2 failed`."""
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return f"{counted(self.succeeded, self.unit)} done{failed}"

    def closed(self, hint: str) -> int:
        """Tell the counts where something failed; gives the exit code.

        Raises:
            CnnRnnError: there was nothing to count at all; `hint` says what to do then.
        """
        if not self.succeeded and not self.failures:
            raise CnnRnnError(f"no {self.unit}", hint)
        if self.failures:
            info(self.summary())
        return self.exit_code


def guard(callback: Callable) -> Callable:
    """Turn every exception of a command into one line and its exit code.

    The cause stays on the SystemExit (`__cause__`), where tests find it.
    """

    @functools.wraps(callback)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return callback(*args, **kwargs)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError as exc:
            # The reader (`head`) has gone; Python's own flush at exit must not complain either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from exc
        except KeyboardInterrupt as exc:
            _say("stopped")
            raise SystemExit(INTERRUPTED) from exc
        except MemoryError as exc:
            error("out of memory (try a smaller --batch or --limit)")
            raise SystemExit(1) from exc
        except Exception as exc:
            error(exc)
            raise SystemExit(getattr(exc, "exit_code", 1)) from exc

    return guarded

