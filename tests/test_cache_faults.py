"""What damage, kills at any moment and full disks leave of the feature cache."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from cache_helpers import SHAPE, SPEC, assert_holds, fill, keys_of, rows_of

from cnnrnn.features import cache as cache_module
from cnnrnn.features import cache_growth
from cnnrnn.features.cache import (
    CacheDamaged,
    CacheFull,
    FeatureCache,
    FeatureSpec,
    info,
    verify,
)
from cnnrnn.features.cache_file import read_layout

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def flip(path: Path, offset: int, bit: int = 1) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        value = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([value ^ bit]))


def offset_of(path: Path, name: str, row: int) -> int:
    return int(read_layout(path).tables[name].offsets(np.array([row]))[0])


# Damage


def test_a_flipped_bit_costs_its_row_only(tmp_path):
    path = fill(tmp_path, 100)
    flip(path, offset_of(path, "features", 70) + 5)
    told: list[str] = []
    with FeatureCache(tmp_path, SPEC, SHAPE, "a", tell=told.append) as cache:
        rows = cache.find(keys_of(*range(100)), check=True)
        assert np.flatnonzero(rows < 0).tolist() == [70]
        assert len(told) == 1 and "1 damaged row" in told[0] and "\n" not in told[0]
        assert list(cache.append(keys_of(70), rows_of(70))) == [100]
    assert_holds(tmp_path, 100)
    assert verify(tmp_path) == [{"file": path.name, "rows": 100, "damaged": 0, "problem": ""}]


def test_damaged_rows_are_never_returned(tmp_path):
    path = fill(tmp_path, 10)
    flip(path, offset_of(path, "features", 3))
    flip(path, offset_of(path, "checksums", 4))
    told: list[str] = []
    with FeatureCache(tmp_path, SPEC, SHAPE, tell=told.append) as cache:
        for row in (3, 4):
            assert list(cache.find(keys_of(row))) == [row]
            with pytest.raises(CacheDamaged):
                cache.read([row])
            assert list(cache.find(keys_of(row))) == [-1]
            with pytest.raises(CacheDamaged):
                cache.read([0, row])
        assert np.array_equal(cache.read([2, 5]), rows_of(2, 5))


def test_a_flipped_key_is_found_by_verify(tmp_path):
    path = fill(tmp_path, 10)
    flip(path, offset_of(path, "keys", 6))
    with FeatureCache(tmp_path, SPEC, SHAPE) as cache:
        assert np.flatnonzero(cache.find(keys_of(*range(10))) < 0).tolist() == [6]
    assert verify(tmp_path) == [{"file": path.name, "rows": 9, "damaged": 1, "problem": ""}]
    assert verify(tmp_path) == [{"file": path.name, "rows": 9, "damaged": 0, "problem": ""}]


def test_no_flipped_bit_anywhere_in_the_metadata_is_trusted(tmp_path):
    path = fill(tmp_path, 70)
    sound = path.read_bytes()
    places = [i for a, b in read_layout(path).metadata() for i in range(a, b) if sound[i]]
    assert len(places) > 500
    rebuilt = 0
    for place in np.random.default_rng(0).permutation(places)[:150].tolist():
        path.write_bytes(sound)
        flip(path, place, 1 << place % 8)
        told: list[str] = []
        with FeatureCache(tmp_path, SPEC, SHAPE, "a", tell=told.append) as cache:
            rows = cache.find(keys_of(*range(70)), check=True)
            found = np.flatnonzero(rows >= 0)
            assert np.array_equal(cache.read(rows[found]), rows_of(*range(70))[found])
            # Either the flip changes nothing that is used, or the file is told and built anew.
            assert (len(found), len(told)) in ((70, 0), (0, 1)), place
            rebuilt += len(told)
    assert rebuilt > 100


@pytest.mark.parametrize("left", [0, 1, 40, 2050, 5000, -1])
def test_a_truncated_file_is_told_and_built_anew(tmp_path, left):
    path = fill(tmp_path, 100)
    os.truncate(path, left if left >= 0 else path.stat().st_size - 1)
    with pytest.raises(CacheDamaged, match="damaged"):
        FeatureCache(tmp_path, SPEC, SHAPE)
    assert "damaged" in info(tmp_path)[0]["problem"] and "damaged" in verify(tmp_path)[0]["problem"]
    told: list[str] = []
    with FeatureCache(tmp_path, SPEC, SHAPE, "a", tell=told.append) as cache:
        assert len(cache) == 0
        cache.append(keys_of(*range(80)), rows_of(*range(80)))
    assert len(told) == 1 and told[0].endswith("it is built anew") and "\n" not in told[0]
    assert_holds(tmp_path, 80)


def test_a_file_of_another_shape_or_spec_is_built_anew(tmp_path):
    path = fill(tmp_path, 3)
    other = FeatureSpec("other", "0123abcd", "grid", 112)
    path.rename(tmp_path / other.filename)
    for spec, shape, word in ((other, SHAPE, "other features"), (other, (2, 2), "rows of shape")):
        with pytest.raises(CacheDamaged, match=word):
            FeatureCache(tmp_path, spec, shape)
    told: list[str] = []
    with FeatureCache(tmp_path, other, (2, 2), "a", tell=told.append) as cache:
        assert len(cache) == 0 and "rows of shape" in told[0]


def test_another_format_version_is_not_trusted(tmp_path):
    path = fill(tmp_path, 3)
    with h5py.File(path, "r+") as file:
        file.attrs["format"] = np.bytes_("cnnrnn-features-0")
    with pytest.raises(CacheDamaged, match="another version"):
        FeatureCache(tmp_path, SPEC, SHAPE)


def test_a_wrong_row_count_is_not_trusted(tmp_path):
    path = fill(tmp_path, 3)
    flip(path, read_layout(path).count_offset)
    with pytest.raises(CacheDamaged, match="row count"):
        FeatureCache(tmp_path, SPEC, SHAPE)


# Kills


def in_child(action) -> int:
    """Run `action` in a forked process; its wait status."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            action()
            os._exit(0)
        os._exit(1)
    return os.waitpid(child, 0)[1]


def growth_killed_at(root: Path, step: int, half: bool) -> bool:
    """Append 10 rows to 60, which grows the file, and die at the `step`-th change of a file.

    With `half`, a write that is more than the row count's 16 bytes is done by half before. Returns
    whether the process died.
    """
    steps = [0]

    def dying(function):
        def changed(*arguments):
            steps[0] += 1
            if steps[0] == step:
                if half and function is write_at and len(arguments[2]) > 16:
                    write_at(*arguments[:2], arguments[2][: len(arguments[2]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments)

        return changed

    write_at = cache_growth.write_at

    def action():
        with FeatureCache(root, SPEC, SHAPE, "a") as cache:
            cache_growth.write_at = cache_module.write_at = dying(write_at)
            cache_growth.sync = dying(cache_growth.sync)
            os.replace, Path.unlink = dying(os.replace), dying(Path.unlink)
            cache.append(keys_of(*range(60, 70)), rows_of(*range(60, 70)))

    return os.WIFSIGNALED(in_child(action))


@needs_fork
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("next_is", ["reader", "writer"])
def test_a_growth_killed_at_any_step_loses_nothing(tmp_path, half, next_is):
    step = 0
    while True:
        step += 1
        root = tmp_path / str(step)
        fill(root, 60)
        killed = growth_killed_at(root, step, half)
        if next_is == "reader":
            assert_holds(root, 60 if killed else 70)
        told: list[str] = []
        with FeatureCache(root, SPEC, SHAPE, "a", tell=told.append) as cache:
            cache.append(keys_of(*range(60, 200)), rows_of(*range(60, 200)))
        assert told == []
        assert_holds(root, 200)
        with h5py.File(root / SPEC.filename) as file:
            assert np.array_equal(file["features"][:200], rows_of(*range(200)))
        if not killed:
            break
    assert step > 12  # copies, two syncs, a rename, copies, a sync, an unlink; rows, keys, count


@needs_fork
def test_fifteen_random_kills_lose_nothing():
    script = Path(__file__).parent / "stress" / "cache_kill.py"
    command = [sys.executable, str(script), "--kills", "15", "--seed", "1"]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert re.search(r"\b15  kills", outcome.stdout)


# Full disks


def append_until_full(root: Path) -> int:
    """Append blocks of 10 rows of 1 KB until the disk is full; checks and counts what is kept."""
    shape, kept = (16, 32), 0
    with FeatureCache(root, SPEC, shape, "a") as cache:
        with pytest.raises(CacheFull, match="no room left") as caught:
            while kept < 5000:
                rows = np.full((10, *shape), kept)
                cache.append(keys_of(*range(kept, kept + 10)), rows)
                kept += 10
        assert "\n" not in str(caught.value)
        assert len(cache) == kept
    with FeatureCache(root, SPEC, shape) as cache:
        rows = cache.find(keys_of(*range(kept)), check=True)
        assert np.array_equal(cache.read(rows)[:, 0, 0], np.arange(kept) // 10 * 10)
    return kept


@needs_fork
def test_a_limit_on_file_size_keeps_what_is_there(tmp_path):
    import resource  # not on Windows

    def action():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        assert append_until_full(tmp_path) >= 400

    assert in_child(action) == 0


@pytest.mark.parametrize("kilobytes", [100, 500, 1000, 1004, 1024])
def test_a_full_disk_keeps_what_is_there(tmp_path, kilobytes):
    """Sizes a page apart, so that the disk gets full at rows, at keys and in a growth."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "cnnrnn-test", str(tmp_path)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small file system cannot be mounted here")
    try:
        kept = append_until_full(tmp_path)
        assert kilobytes - 160 < kept < kilobytes
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


@pytest.mark.parametrize("step", range(1, 5))
def test_a_disk_full_in_a_growth_keeps_what_is_there(tmp_path, monkeypatch, step):
    """Every write of a growth fails once, also where no room should be needed any more."""
    calls, write_at = [], cache_growth.write_at

    def failing(*arguments):
        calls.append(arguments)
        if len(calls) == step:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_at(*arguments)

    fill(tmp_path, 60)
    with FeatureCache(tmp_path, SPEC, SHAPE, "a") as cache:
        monkeypatch.setattr(cache_growth, "write_at", failing)
        with pytest.raises(CacheFull, match="no room left"):
            cache.append(keys_of(*range(60, 70)), rows_of(*range(60, 70)))
        assert np.array_equal(cache.read(range(60)), rows_of(*range(60)))
        cache.append(keys_of(*range(60, 200)), rows_of(*range(60, 200)))
    assert_holds(tmp_path, 200)


def test_a_growth_needs_room_only_while_it_can_be_given_up(tmp_path, monkeypatch):
    """Nothing is added to the disk once the grown metadata begins to replace the old one."""
    taken, finish_growth = [], cache_growth.finish_growth

    def measured(path):
        taken.append(path.stat().st_blocks)
        finish_growth(path)
        taken.append(path.stat().st_blocks)

    with FeatureCache(tmp_path, SPEC, SHAPE, "a") as cache:
        empty = cache.path.stat().st_blocks
        monkeypatch.setattr(cache_growth, "finish_growth", measured)
        cache.append(keys_of(*range(7000)), rows_of(*range(7000)))
    assert empty < taken[-2] == taken[-1]
    assert_holds(tmp_path, 7000)


def test_a_disk_too_small_for_an_empty_file_is_one_line(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CacheFull, match="no room left"):
        FeatureCache(tmp_path, SPEC, SHAPE, "a")
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]
