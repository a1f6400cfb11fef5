"""Sources to features: order, counts, duplicates, failures, damage, a full or busy cache."""

from __future__ import annotations

import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.features import cache, table
from cnnrnn.features.extractor import Extractor, cache_folder
from cnnrnn.media import images
from cnnrnn.media.sources import Source


def picture(value: int, size: tuple[int, int] = (32, 32)) -> np.ndarray:
    return np.full((*size, 3), value, np.uint8)


def sources(values) -> list[Source]:
    return [Source(f"picture {value}", array=picture(value)) for value in values]


class Network:
    """Stands in for a network: a feature is the picture's mean. Counts what it computes."""

    def __init__(self):
        self.batches: list[int] = []

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        self.batches.append(len(pictures))
        means = pictures.mean((1, 2, 3), dtype=np.float32)
        return np.repeat(means[:, None], 1280, axis=1)


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def make(network):
    def maker(output="pooled", network=network, **options):
        extractor = Extractor("mobilenet_v2", "random", output, 32, **options)
        extractor.__dict__["_engine"] = network
        return extractor

    return maker


def test_features_come_in_the_order_of_the_sources(make, network):
    result = make(batch=4).extract(sources(range(10)))
    assert network.batches == [4, 4, 2]
    assert (result.hits, result.misses, result.failures) == (0, 10, [])
    assert result.names[3] == "picture 3" and result.ok.all()
    features = result.read([7, 0, 7, 9])
    assert features.shape == (4, 1280) and features.dtype == np.float16
    assert features[:, 0].tolist() == [7, 0, 7, 9]
    assert result.read([]).shape == (0, 1280)


def test_what_is_cached_is_not_computed_again(make, network):
    make().extract(sources(range(5)))
    result = make().extract(sources([3, 8, 1]))
    assert (result.hits, result.misses) == (2, 1)
    assert network.batches == [5, 1]
    assert result.read([0, 1, 2])[:, 0].tolist() == [3, 8, 1]


def test_equal_pictures_are_computed_once(make, network):
    result = make(batch=3).extract(sources([5, 5, 6, 5, 7, 8, 5, 8]))
    assert sum(network.batches) == result.misses == 4
    assert result.hits == 4
    assert result.read(range(8))[:, 0].tolist() == [5, 5, 6, 5, 7, 8, 5, 8]


def test_bad_sources_are_listed_and_the_rest_goes_on(make, tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.jpg"
    images.save(good, picture(40))
    bad.write_text("this is no picture")
    given = [Source(p.name, p) for p in (bad, good, tmp_path / "gone.jpg", good)]
    result = make().extract(given)
    assert [name for name, _ in result.failures] == ["bad.jpg", "gone.jpg"]
    assert "not a picture" in result.failures[0][1] and "not exist" in result.failures[1][1]
    assert result.ok.tolist() == [False, True, False, True]
    assert result.rows.tolist() == [-1, result.rows[1], -1, result.rows[1]]
    assert (result.hits, result.misses) == (1, 1)
    assert result.read([1, 3])[:, 0].tolist() == [40, 40]
    with pytest.raises(CnnRnnError, match="bad.jpg has no features"):
        result.read([1, 0])


def test_a_file_is_read_once(make, tmp_path, monkeypatch):
    path = tmp_path / "photo.png"
    images.save(path, picture(90))
    opened = []
    opening = type(path).open
    monkeypatch.setattr(type(path), "open", lambda p, mode: (opened.append(p), opening(p, mode))[1])
    make().extract([Source("photo", path)])
    assert opened == [path]


def test_sources_are_taken_as_they_are_needed(make, network):
    taken = 0

    def stream():
        nonlocal taken
        for source in sources(range(200)):
            taken += 1
            yield source

    seen = []

    def watched(pictures):
        seen.append(taken)
        return network(pictures)

    make(network=watched, batch=4).extract(stream())
    # One batch in the network, two ahead of it, and the one that pushes.
    assert seen[0] <= 4 + 2 * 4 + 1 and len(seen) == 50


def test_pictures_are_decoded_while_the_network_computes(make):
    decoded = threading.Event()

    class Late(Source):
        def read(self, min_side=None, data=None):
            decoded.set()
            return super().read(min_side, data)

    def network(pictures):
        assert decoded.wait(10), "nothing was decoded in the meantime"
        return np.zeros((len(pictures), 1280), np.float32)

    make(network=network, batch=2).extract([*sources([1, 2]), Late("late", array=picture(3))])


def test_progress_hears_of_every_source(make, tmp_path):
    heard = []
    progress = SimpleNamespace(update=lambda n=1, note="": heard.append(n))
    make().extract([*sources([1, 1, 2]), Source("gone", tmp_path / "gone")], progress)
    assert sum(heard) == 4


def test_mirror_is_another_cache_and_turns_left_and_right(make):
    half = np.zeros((32, 32, 3), np.uint8)
    half[:, :10] = 255
    source = Source("half", array=half)
    plain = make("pixels").extract([source])
    mirrored = make("pixels", variant="mirror").extract([source])
    assert mirrored.misses == 1
    np.testing.assert_array_equal(plain.read([0])[0], half)
    np.testing.assert_array_equal(mirrored.read([0])[0], half[:, ::-1])
    extractor = make("pixels", variant="mirror")
    computed = extractor.compute([extractor.pixels(source)])
    np.testing.assert_array_equal(computed, mirrored.read([0]))


def test_pixels_need_no_network_and_serve_every_backbone():
    photo = np.random.default_rng(0).integers(0, 256, (50, 40, 3), np.uint8)
    first = Extractor("mobilenet_v2", output="pixels", size=(20, 24))
    assert first.row_shape == (20, 24, 3) and first.spec.dtype == "uint8"
    result = first.extract([Source("photo", array=photo)])
    assert result.read([0]).dtype == np.uint8
    np.testing.assert_array_equal(result.read([0])[0], images.resize(photo, (20, 24)))
    np.testing.assert_array_equal(first.compute([photo]), result.read([0]))
    other = Extractor("vgg16", output="pixels", size=(20, 24)).extract([Source("p", array=photo)])
    assert other.hits == 1


def test_compute_takes_the_same_path_without_the_cache(make, network):
    photos = [picture(value, (40, 60)) for value in range(5)]
    extractor = make(batch=2)
    computed = extractor.compute(photos)
    assert network.batches == [2, 2, 1] and computed.dtype == np.float16
    result = extractor.extract([Source(str(i), array=photo) for i, photo in enumerate(photos)])
    assert result.misses == 5
    np.testing.assert_array_equal(result.read(range(5)), computed)
    assert extractor.compute([]).shape == (0, 1280)
    with pytest.raises(CnnRnnError, match="no picture"):
        extractor.compute([np.zeros((4, 4))])


def test_features_beyond_float16_stay_finite(make):
    rows = make(network=lambda p: np.full((len(p), 1280), -1e6, np.float32)).compute([picture(0)])
    assert rows[0, 0] == -65504


def test_damaged_rows_are_computed_anew(make, network, capsys):
    extractor = make()
    extractor.extract(sources(range(4))).close()
    path = extractor.cache_dir / extractor.spec.filename
    data = bytearray(path.read_bytes())
    row = np.full(1280, 2, np.float16).tobytes()
    data[data.index(row) + 7] ^= 1
    path.write_bytes(data)
    result = make().extract(sources(range(4)))
    assert (result.hits, result.misses) == (3, 1) and network.batches == [4, 1]
    assert result.read(range(4))[:, 7].tolist() == [0, 1, 2, 3]
    assert "damaged" in capsys.readouterr().err
    assert make().extract(sources(range(4))).hits == 4


def test_a_damaged_file_is_built_anew(make, network, capsys):
    extractor = make()
    extractor.extract(sources(range(4))).close()
    (extractor.cache_dir / extractor.spec.filename).write_bytes(b"nothing of use")
    result = make().extract(sources(range(4)))
    assert result.misses == 4 and result.read([2])[0, 0] == 2
    assert capsys.readouterr().err.count("damaged") == 1


def test_a_busy_cache_is_read_and_the_rest_kept_beside_it(make, monkeypatch, capsys):
    make().extract(sources([1, 2])).close()

    def busy(*arguments, mode="r", **options):
        if mode == "a":
            raise cache.CacheBusy("another process is writing")
        return cache.FeatureCache(*arguments, mode=mode, **options)

    monkeypatch.setattr(table, "FeatureCache", busy)
    result = make(batch=2).extract(sources([1, 3, 4, 5, 2, 3]))
    assert (result.hits, result.misses) == (3, 3)
    assert result.read([5, 0, 3, 4, 2, 1])[:, 0].tolist() == [3, 1, 5, 2, 4, 3]
    assert capsys.readouterr().err.count("another process is writing") == 1


def test_a_cache_that_fills_up_keeps_what_it_has(make, monkeypatch, capsys):
    append = cache.FeatureCache.append

    def full(self, keys, rows):
        if len(self) >= 4:
            raise cache.CacheFull("no room left")
        return append(self, keys, rows)

    monkeypatch.setattr(cache.FeatureCache, "append", full)
    result = make(batch=2).extract(sources([*range(9), 0, 8]))
    assert (result.hits, result.misses) == (2, 9)
    assert result.read(range(11))[:, 0].tolist() == [*range(9), 0, 8]
    assert capsys.readouterr().err.count("no room left") == 1
    assert make().extract(sources(range(9))).hits == 4


def test_the_temporary_file_goes_to_the_disk_and_may_be_full(monkeypatch):
    monkeypatch.setattr(table, "SPILL_IN_MEMORY", 10)
    spill = table.Spill((3,), "float16")
    rows = np.arange(12, dtype=np.float16).reshape(4, 3)
    assert spill.append(["a", "b"], rows[:2]).tolist() == [0, 1]
    assert spill.append(["c", "d"], rows[2:]).tolist() == [2, 3]
    assert spill.find(["c", "x"]).tolist() == [2, -1]
    np.testing.assert_array_equal(spill.read(np.array([3, 0])), rows[[3, 0]])

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spill, "_file", SimpleNamespace(seek=lambda _: None, write=full))
    with pytest.raises(CnnRnnError, match="No space left.*TMPDIR"):
        spill.append(["e"], rows[:1])


def test_the_next_writer_may_begin_once_the_extraction_is_over(make):
    first = make().extract(sources([1]))
    second = make().extract(sources([2]))
    third = make().extract(sources([1, 2]))
    assert (second.misses, third.hits) == (1, 2)
    assert first.read([0])[0, 0] == 1


def test_an_interrupted_extraction_keeps_its_batches(make, network):
    def interrupted(pictures):
        if len(network.batches) == 2:
            raise KeyboardInterrupt
        return network(pictures)

    with pytest.raises(KeyboardInterrupt):
        make(network=interrupted, batch=2).extract(sources(range(10)))
    assert make().extract(sources(range(10))).hits == 4


def test_a_full_hit_never_loads_keras(make, tmp_path):
    images.save(tmp_path / "photo.png", picture(7))
    make().extract([Source("photo", tmp_path / "photo.png")]).close()
    program = (
        "import sys; from pathlib import Path\n"
        "from cnnrnn.features.extractor import Extractor\n"
        "from cnnrnn.media.sources import Source\n"
        f"found = Extractor('mobilenet_v2', 'random', 'pooled', 32).extract("
        f"[Source('photo', Path({str(tmp_path / 'photo.png')!r}))])\n"
        "print(found.hits, found.read([0])[0, 0], 'keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["1", "7.0", "False"], done.stderr


def test_options_that_cannot_be_meant(tmp_path):
    for options, message in [
        ({"variant": "upside-down"}, "no variant"),
        ({"batch": 0}, "at least 1"),
        ({"output": "words"}, "pooled, grid, below, pixels"),
        ({"backbone": "mobilnet_v2"}, "did you mean mobilenet_v2"),
        ({"backbone": "mobilenet_v2", "size": 16}, "at least 32"),
        ({"backbone": "mobilenet_v2", "engine": "warp"}, "no engine 'warp'"),
    ]:
        with pytest.raises(UsageError, match=message):
            Extractor(**options)
    with pytest.raises(CnnRnnError, match="no weights .*gone.h5"):
        Extractor("mobilenet_v2", tmp_path / "gone.h5")


def test_the_cache_lies_where_it_is_asked_to(make, tmp_path, monkeypatch):
    monkeypatch.setenv("CNNRNN_CACHE", str(tmp_path / "users"))
    assert cache_folder() == tmp_path / "users" / "features"
    extractor = make(cache_dir=tmp_path / "here")
    extractor.extract(sources([1]))
    assert [path.parent for path in tmp_path.rglob("*.h5")] == [tmp_path / "here"]
