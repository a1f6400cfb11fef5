"""The feature cache: what it keeps, who may write, and what damage, kills and full disks leave."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from cnnrnn.features import cache as cache_module
from cnnrnn.features import cache_growth, cache_map
from cnnrnn.features.cache import (
    CacheBusy,
    CacheDamaged,
    CacheError,
    CacheFull,
    FeatureCache,
    FeatureSpec,
    clear,
    info,
    verify,
)
from cnnrnn.features.cache_file import read_layout

SPEC = FeatureSpec("scenes", "0123abcd", "grid", 112)
SHAPE = (4, 8)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def keys_of(*numbers: int) -> list[str]:
    return [hashlib.blake2b(b"%d" % number, digest_size=16).hexdigest() for number in numbers]


def rows_of(*numbers: int) -> np.ndarray:
    return np.stack([np.arange(32).reshape(SHAPE) + 32 * number for number in numbers]) % 2048


def fill(root: Path, count: int, spec: FeatureSpec = SPEC) -> Path:
    with FeatureCache(root, spec, SHAPE, "a") as cache:
        if count:
            cache.append(keys_of(*range(count)), rows_of(*range(count)))
        return cache.path


def flip(path: Path, offset: int, bit: int = 1) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        value = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([value ^ bit]))


def offset_of(path: Path, name: str, row: int) -> int:
    return int(read_layout(path).tables[name].offsets(np.array([row]))[0])


def assert_holds(root: Path, count: int) -> None:
    """Rows 0 to `count` - 1 are found, sound and right, and no damage is told."""
    told: list[str] = []
    with FeatureCache(root, SPEC, SHAPE, tell=told.append) as cache:
        rows = cache.find(keys_of(*range(count)), check=True)
        assert rows.min() >= 0
        assert np.array_equal(cache.read(rows), rows_of(*range(count)))
    assert told == []


# What is kept


def test_filename_is_readable_and_safe():
    spec = FeatureSpec("../Évil net", "w", "fc2/x", (224, 320), variant="mirror")
    assert re.fullmatch(r"_[\w]*vil_net-fc2_x-224x320-mirror-[0-9a-f]{12}\.h5", spec.filename, re.A)


def test_every_field_of_the_spec_has_a_file_of_its_own():
    other = [
        FeatureSpec("scenes2", "0123abcd", "grid", 112),
        FeatureSpec("scenes", "0123abce", "grid", 112),
        FeatureSpec("scenes", "0123abcd", "pooled", 112),
        FeatureSpec("scenes", "0123abcd", "grid", 113),
        FeatureSpec("scenes", "0123abcd", "grid", 112, "float32"),
        FeatureSpec("scenes", "0123abcd", "grid", 112, preprocessing=2),
        FeatureSpec("scenes", "0123abcd", "grid", 112, variant="mirror"),
    ]
    assert len({spec.filename for spec in [SPEC, *other]}) == 8


def test_rows_come_back_in_the_asked_order(tmp_path):
    with FeatureCache(tmp_path, SPEC, SHAPE, "a") as cache:
        assert list(cache.append(keys_of(5, 6), rows_of(5, 6))) == [0, 1]
        assert list(cache.find(keys_of(6, 7, 5))) == [1, -1, 0]
        assert np.array_equal(cache.read([1, 0, 1]), rows_of(6, 5, 6))
        assert cache.read([0]).dtype == np.float16
        assert cache.read([]).shape == (0, *SHAPE)


def test_rows_outlive_the_writer_and_many_growths(tmp_path):
    for start in range(0, 1000, 90):
        with FeatureCache(tmp_path, SPEC, SHAPE, "a") as cache:
            numbers = range(start, min(start + 90, 1000))
            cache.append(keys_of(*numbers), rows_of(*numbers))
    with FeatureCache(tmp_path, SPEC, SHAPE) as cache:
        chosen = np.random.default_rng(0).permutation(1000)
        out = np.empty((1000, *SHAPE), np.float16)
        assert cache.read(cache.find(keys_of(*chosen)), out) is out
        assert np.array_equal(out, rows_of(*chosen)) and len(cache) == 1000


def test_a_key_is_kept_once(tmp_path):
    with FeatureCache(tmp_path, SPEC, SHAPE, "a") as cache:
        assert list(cache.append(keys_of(1, 2, 1), rows_of(1, 2, 1))) == [0, 1, 0]
        assert list(cache.append(keys_of(3, 2), rows_of(3, 9))) == [2, 1]
        assert len(cache) == 3 and np.array_equal(cache.read([1]), rows_of(2))


def test_rows_that_are_not_there_raise(tmp_path):
    with FeatureCache(tmp_path, SPEC, SHAPE, "a") as cache:
        cache.append(keys_of(0), rows_of(0))
        for row in (-1, 1, 63, 64, 10**9):
            with pytest.raises(IndexError):
                cache.read([row])


def test_wrong_keys_and_rows_are_refused(tmp_path):
    with FeatureCache(tmp_path, SPEC, SHAPE, "a") as cache:
        with pytest.raises(ValueError, match="32 hexadecimal"):
            cache.find(["ab"])
        with pytest.raises(ValueError, match="rows"):
            cache.append(keys_of(0, 1), rows_of(0))
    with FeatureCache(tmp_path, SPEC, SHAPE) as cache, pytest.raises(ValueError, match="appending"):
        cache.append(keys_of(0), rows_of(0))


def test_other_programs_read_the_file(tmp_path):
    path = fill(tmp_path, 200)
    with h5py.File(path) as file:
        assert file["rows"][0] == 200
        features = file["features"]
        assert np.array_equal(features[:200], rows_of(*range(200)))
        assert features.chunks == (64, *SHAPE) and features.compression is None
        assert features.maxshape == (None, *SHAPE) and features.dtype == np.float16
        assert file["keys"][7].tobytes().hex() == keys_of(7)[0]


def test_rows_of_one_picture_take_little_disk(tmp_path):
    with FeatureCache(tmp_path, SPEC, (49, 1280), "a") as cache:
        cache.append(keys_of(0), np.ones((1, 49, 1280)))
    assert info(tmp_path)[0]["bytes"] < 200_000


def test_reading_gives_touched_pages_back(tmp_path, monkeypatch):
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("needs /proc")

    def mapped() -> int:
        return int(re.search(r"RssFile:\s+(\d+) kB", status.read_text())[1])

    monkeypatch.setattr(cache_map, "TOUCHED_LIMIT", 4 << 20)
    with FeatureCache(tmp_path, SPEC, (64, 1024), "a") as cache:
        cache.append(keys_of(*range(256)), np.ones((256, 64, 1024)))
    with FeatureCache(tmp_path, SPEC, (64, 1024)) as cache:
        before = mapped()
        for row in range(256):  # 32 MB
            cache.read([row])
        assert mapped() - before < 12_000


# Who may write


def test_a_reader_sees_rows_while_they_are_written(tmp_path):
    with FeatureCache(tmp_path, SPEC, SHAPE, "a") as writer:
        reader = FeatureCache(tmp_path, SPEC, SHAPE)
        assert list(reader.find(keys_of(0))) == [-1]
        for start in range(0, 500, 50):
            numbers = range(start, start + 50)
            writer.append(keys_of(*numbers), rows_of(*numbers))
            assert np.array_equal(reader.read(reader.find(keys_of(*numbers))), rows_of(*numbers))
        reader.close()


def test_a_second_writer_is_told_and_waits_no_longer_than_asked(tmp_path):
    with FeatureCache(tmp_path, SPEC, SHAPE, "a"):
        with pytest.raises(CacheBusy, match="another process is writing"):
            FeatureCache(tmp_path, SPEC, SHAPE, "a", wait=0.05)
    FeatureCache(tmp_path, SPEC, SHAPE, "a", wait=0).close()


def test_a_writer_in_another_process_is_waited_for(tmp_path):
    script = (
        "import sys, time; from cnnrnn.features.cache import *\n"
        f"with FeatureCache(sys.argv[1], {SPEC}, {SHAPE}, 'a'):\n"
        "    print('open', flush=True); time.sleep(0.3)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(CacheBusy):
            FeatureCache(tmp_path, SPEC, SHAPE, "a", wait=0)
        FeatureCache(tmp_path, SPEC, SHAPE, "a", wait=20).close()
        assert other.wait() == 0


def test_reading_what_is_not_there_says_so(tmp_path):
    with pytest.raises(CacheError, match="no features are cached"):
        FeatureCache(tmp_path, SPEC, SHAPE)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match="cannot use the feature cache") as caught:
        FeatureCache(tmp_path / "file" / "cache", SPEC, SHAPE, "a")
    assert "\n" not in str(caught.value)


def test_a_file_replaced_under_the_writer_is_left_alone(tmp_path):
    with FeatureCache(tmp_path, SPEC, SHAPE, "a") as cache:
        cache.append(keys_of(*range(60)), rows_of(*range(60)))
        cache.path.rename(tmp_path / "moved")
        cache.path.write_bytes(b"another file")
        with pytest.raises(CacheError, match="replaced"):
            cache.append(keys_of(*range(60, 70)), rows_of(*range(60, 70)))
        assert cache.path.read_bytes() == b"another file"


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


def test_a_disk_too_small_for_an_empty_file_is_one_line(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CacheFull, match="no room left"):
        FeatureCache(tmp_path, SPEC, SHAPE, "a")
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


# Looking after the files


def test_info_lists_files_with_their_spec(tmp_path):
    fill(tmp_path, 5)
    fill(tmp_path, 0, FeatureSpec("vgg16", "ff", "pooled", (224, 224)))
    first, second = info(tmp_path)
    assert first["file"] == SPEC.filename and first["rows"] == 5 and first["bytes"] > 0
    assert FeatureSpec(**first["spec"]) == SPEC and first["problem"] == ""
    assert second["rows"] == 0 and second["spec"]["backbone"] == "vgg16"
    assert info(tmp_path / "nowhere") == verify(tmp_path / "nowhere") == []


def test_clear_removes_everything_and_says_how_much(tmp_path):
    fill(tmp_path, 5)
    used = info(tmp_path)[0]["bytes"]
    with FeatureCache(tmp_path, SPEC, SHAPE) as reader:
        assert clear(tmp_path) == used and list(tmp_path.iterdir()) == []
        assert np.array_equal(reader.read([4]), rows_of(4))
    assert clear(tmp_path) == 0


def test_clear_leaves_a_file_that_is_being_written(tmp_path):
    fill(tmp_path, 5, FeatureSpec("vgg16", "ff", "pooled", 224))
    with FeatureCache(tmp_path, SPEC, SHAPE, "a") as cache:
        cache.append(keys_of(0), rows_of(0))
        with pytest.raises(CacheBusy):
            clear(tmp_path)
    assert [row["file"] for row in info(tmp_path)] == [SPEC.filename]
    assert_holds(tmp_path, 1)
