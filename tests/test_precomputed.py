"""Features from a file: found by name, read lazily, and every bad file told in one line."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from cnnrnn.errors import CnnRnnError
from cnnrnn.features.precomputed import open_features

NAMES = ["a/one.jpg", "a/two.jpg", "b/two.jpg", "three.png"]
ROWS = np.arange(4 * 2 * 3, dtype=np.float32).reshape(4, 2, 3)


def write_h5(path, names=NAMES, rows=ROWS):
    with h5py.File(path, "w") as file:
        file["names"] = names
        file["features"] = rows
    return path


@pytest.fixture(params=["h5", "npz", "compressed.npz", "bytes.h5"])
def file(request, tmp_path):
    path = tmp_path / f"features.{request.param}"
    if request.param == "h5":
        return write_h5(path)
    if request.param == "bytes.h5":
        return write_h5(path, np.array(NAMES, "S"))
    save = np.savez if request.param == "npz" else np.savez_compressed
    save(path, names=NAMES, features=ROWS)
    return path


def test_rows_come_in_the_order_asked(file):
    table = open_features(file)
    assert table.names == NAMES and len(table) == 4
    assert table.row_shape == (2, 3) and table.dtype == np.float32
    np.testing.assert_array_equal(table.read([3, 0, 3]), ROWS[[3, 0, 3]])
    assert table.read([]).shape == (0, 2, 3)
    table.close()


def test_names_are_found_whole_then_by_file_name_then_by_stem(file):
    table = open_features(file)
    assert table.find(["b/two.jpg", "photos/one.jpg", "three.jpg", "four.jpg"]).tolist() == [
        2, 0, 3, -1,
    ]  # fmt: skip
    # Two rows are called two.jpg: neither can be meant.
    assert table.find(["c/two.jpg", "two"]).tolist() == [-1, -1]


def test_an_uncompressed_npz_stays_on_the_disk(tmp_path):
    np.savez(tmp_path / "f.npz", names=NAMES, features=ROWS)
    np.savez_compressed(tmp_path / "g.npz", names=NAMES, features=ROWS)
    assert isinstance(open_features(tmp_path / "f.npz")._features, np.memmap)
    assert not isinstance(open_features(tmp_path / "g.npz")._features, np.memmap)


def test_float16_stays_and_float64_becomes_float32(tmp_path):
    half = open_features(write_h5(tmp_path / "half.h5", rows=ROWS.astype(np.float16)))
    double = open_features(write_h5(tmp_path / "double.h5", rows=ROWS.astype(np.float64)))
    assert half.dtype == half.read([1]).dtype == np.float16
    assert double.dtype == double.read([1]).dtype == np.float32


def test_a_row_that_is_no_number_is_named(tmp_path):
    rows = ROWS.copy()
    rows[1, 0, 2] = np.nan
    table = open_features(write_h5(tmp_path / "f.h5", rows=rows))
    table.read([0, 2, 3])
    with pytest.raises(CnnRnnError, match="a/two.jpg are not all numbers"):
        table.read([0, 1])
    with pytest.raises(CnnRnnError, match="no row 4"):
        table.read([4])


def test_pickled_names_are_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was run",))

    np.savez(tmp_path / "f.npz", names=np.array([Trap()], object), features=ROWS[:1])
    with pytest.raises(CnnRnnError, match="cannot read the features.*expected `names`"):
        open_features(tmp_path / "f.npz")


@pytest.mark.parametrize(
    ("names", "rows", "message"),
    [
        (NAMES[:3], ROWS, "has 3 names for 4 rows"),
        (NAMES, ROWS[:, 0, 0], r"`features` is float32 of shape \(4,\)"),
        ([1, 2, 3, 4], ROWS, "`names` is no list of strings"),
        ([], ROWS[:0], "strings|holds no features"),
    ],
)
@pytest.mark.parametrize("suffix", [".h5", ".npz"])
def test_content_that_does_not_fit(tmp_path, suffix, names, rows, message):
    path = tmp_path / f"f{suffix}"
    if suffix == ".h5":
        write_h5(path, names, rows)
    else:
        np.savez(path, names=names, features=rows)
    with pytest.raises(CnnRnnError, match=message):
        open_features(path)


def test_files_that_are_none(tmp_path):
    (tmp_path / "text.h5").write_text("no features here")
    (tmp_path / "empty.npz").write_bytes(b"")
    whole = write_h5(tmp_path / "whole.h5", rows=np.ones((4, 5000), np.float32)).read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    np.savez(tmp_path / "names.npz", names=NAMES)
    with h5py.File(tmp_path / "group.h5", "w") as file:
        file["names"] = NAMES
        file.create_group("features")
    for name, message in {
        "text.h5": "cannot read",
        "empty.npz": "cannot read",
        "cut.h5": "cannot read",
        "names.npz": "lacks the array `features`",
        "group.h5": "lacks the dataset `features`",
        "missing.h5": "no features",
        "features.csv": "one of .h5, .hdf5, .npz",
    }.items():
        with pytest.raises(CnnRnnError, match=message) as caught:
            open_features(tmp_path / name)
        assert "\n" not in str(caught.value)
