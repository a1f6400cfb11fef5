"""The feature cache: what it keeps, who may write, and what its files tell."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from cache_helpers import SHAPE, SPEC, assert_holds, fill, keys_of, rows_of

from cnnrnn.features import cache_map
from cnnrnn.features.cache import (
    CacheBusy,
    CacheError,
    FeatureCache,
    FeatureSpec,
    clear,
    info,
    verify,
)

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
        (tmp_path / f"{cache.path.name}.lock").unlink()
        fill(tmp_path, 30)
        another = cache.path.read_bytes()
        with pytest.raises(CacheError, match="was replaced while in use"):
            cache.append(keys_of(*range(60, 70)), rows_of(*range(60, 70)))
        assert cache.path.read_bytes() == another


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
