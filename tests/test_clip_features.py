"""Clips to features: steps and masks, streams, the cache, batches across clips, failures, kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from video_helpers import clip, encode, greys, square

from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.features.clips import ClipExtractor
from cnnrnn.features.streams import STREAMS
from cnnrnn.media import images
from cnnrnn.media.sampling import Sampling
from cnnrnn.media.source import Source


def sources(*firsts: int, count: int = 8) -> list[Source]:
    return [Source(f"clip {first}", array=clip(first, count)) for first in firsts]


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
    def maker(output="pooled", network=network, frames=4, size=32, **options):
        extractor = ClipExtractor(
            "mobilenet_v2", "random", output, size, Sampling(frames), **options
        )
        extractor.stream.extractor.__dict__["_engine"] = network
        return extractor

    return maker


def test_steps_and_their_mask(make):
    given = [*sources(10, 20), *sources(30, count=2), *sources(40, count=1)]
    table = make().extract(given)
    assert table.row_shape == (4, 1280) and table.misses == 4
    rows = table.read(range(4))
    assert rows.shape == (4, 4, 1280) and rows.dtype == np.float16
    assert rows[..., 0].tolist() == [
        [11, 13, 15, 17], [21, 23, 25, 27], [30, 31, 0, 0], [40, 0, 0, 0]
    ]
    mask = table.mask([3, 0, 2])
    assert mask.dtype == bool
    assert mask.tolist() == [[True] + 3 * [False], 4 * [True], 2 * [True] + 2 * [False]]
    assert table.read([]).shape == (0, 4, 1280) and table.mask([]).shape == (0, 4)


def test_the_mask_is_known_before_and_after_reading(make, monkeypatch):
    make().extract(sources(1, 2)).close()
    table = make().extract([*sources(1, 2), *sources(3, count=2)])
    assert table.mask([2, 0]).sum(1).tolist() == [2, 4]
    reads = []
    read = type(table).read_masked
    monkeypatch.setattr(type(table), "read_masked", lambda s, i: reads.append(i) or read(s, i))
    assert table.mask([2, 0, 2]).sum(1).tolist() == [2, 4, 2] and reads == []
    rows, mask = table.read_masked([1, 2])
    assert rows[mask][:, 0].tolist() == [3, 5, 7, 9, 3, 4]


def test_frames_of_several_clips_share_batches(make, network):
    table = make(batch=10, frames=4).extract(sources(*range(10)))  # 5 clips wait, 20 frames
    assert network.batches == [10, 10, 10, 10]
    assert table.misses == 10
    assert table.read([7])[0, :, 0].tolist() == [8, 10, 12, 14]


def test_what_is_cached_is_not_computed_again(make, network):
    make().extract(sources(1, 2))
    table = make().extract(sources(2, 5, 1, 5))
    assert (table.hits, table.misses) == (3, 1)
    assert table.read(range(4))[:, 0, 0].tolist() == [3, 6, 2, 6]
    assert sum(network.batches) == 12


def test_another_sampling_stream_or_grid_is_another_cache(make):
    given = [
        make(), make(frames=5), make("grid"), make("grid", grid="1x1"), make("pixels"),
        ClipExtractor(stream="motion"), ClipExtractor(stream="flow"),
        ClipExtractor(stream="motion", size=(4, 4)), ClipExtractor(sampling=Sampling(16, fps=2)),
        ClipExtractor(),
    ]  # fmt: skip
    assert len({extractor.spec.filename for extractor in given}) == len(given)


def test_files_arrays_and_failures(make, tmp_path):
    encode(tmp_path / "a.mp4", greys(20))
    images.save(tmp_path / "picture.png", clip(0)[0])
    (tmp_path / "bad.mp4").write_text("no video")
    names = ("a.mp4", "bad.mp4", "gone.mp4", "picture.png")
    table = make().extract([Source(name, tmp_path / name) for name in names])
    assert [name for name, _ in table.failures] == ["bad.mp4", "gone.mp4", "picture.png"]
    assert all("\n" not in reason for _, reason in table.failures)
    assert table.ok.tolist() == [True, False, False, False]
    np.testing.assert_allclose(table.read([0])[0, :, 0], [16, 56, 96, 136], atol=3)
    with pytest.raises(CnnRnnError, match="bad.mp4 has no features"):
        table.read([1])
    moved = (tmp_path / "a.mp4").rename(tmp_path / "b.mp4")
    assert make().extract([Source("b.mp4", moved)]).hits == 1


def test_a_video_is_never_read_whole(make, tmp_path, monkeypatch):
    source = encode(tmp_path / "a.mp4", greys(20))
    monkeypatch.setattr(Source, "content", lambda self: pytest.fail("read whole"))
    monkeypatch.setattr("cnnrnn.media.source.BLOCK", 100)
    key = source.key()
    monkeypatch.undo()
    assert key == source.key() == source.key(source.content())
    assert make().extract([source]).keys == [key]


def test_pixels_for_networks_that_train_themselves(make):
    extractor = make("pixels")
    table = extractor.extract([*sources(7), *sources(90, count=3)])
    assert extractor.row_shape == (4, 32, 32, 3)
    rows, mask = table.read_masked([0, 1])
    assert rows.dtype == np.uint8 and rows[:, :, 5, 5, 1].tolist() == [
        [8, 10, 12, 14], [90, 91, 92, 0]
    ]
    assert mask.sum(1).tolist() == [4, 3]
    with pytest.raises(UsageError, match="at most 255"):
        make("pixels", frames=256)


def test_a_grid_is_averaged_to_cells(make):
    cells = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
    network = lambda pictures: np.tile(cells, (len(pictures), 1, 1, 1280))  # noqa: E731
    extractor = make("grid", grid="2x2", network=network, size=96)
    rows, _ = extractor.compute([clip(0)])
    # Three cells to two: the middle one counts on both sides.
    assert rows.shape == (1, 4, 2, 2, 1280) and rows[0, 0, ..., 0].tolist() == [[2, 3], [5, 6]]
    for grid, output in [("2", "grid"), ("0x2", "grid"), ("axb", "grid"), ("2x2", "pooled")]:
        with pytest.raises(UsageError, match="a grid of"):
            make(output, grid=grid)
    with pytest.raises(UsageError, match="has 1x1"):
        make("grid", grid="2x2")


def test_compute_takes_the_same_path_without_the_cache(make):
    arrays = [clip(first, count) for first, count in ((1, 8), (50, 3), (90, 8))]
    table = make().extract([Source("x", array=array) for array in arrays])
    rows, mask = make(batch=1).compute(arrays)
    np.testing.assert_array_equal(rows, table.read(range(3)))
    np.testing.assert_array_equal(mask, table.mask(range(3)))
    with pytest.raises(CnnRnnError, match="no clip"):
        make().compute([np.zeros((4, 4, 3), np.uint8)])


def test_options_that_cannot_be_meant():
    for options, message in [
        ({"stream": "sound"}, "rgb, motion, flow"),
        ({"stream": "motion", "size": 500}, "at most 120x160"),
        ({"backbone": "mobilnet_v2"}, "did you mean"),
        ({"output": "words"}, "pooled, grid, below, pixels"),
    ]:
        with pytest.raises(UsageError, match=message):
            ClipExtractor(**options)


@pytest.mark.parametrize("stream", STREAMS)
def test_windows_give_what_the_same_part_alone_gives(stream, network):
    frames = square(list(range(0, 120, 4)) + [116] * 6)  # 36 frames, 3 seconds
    options = {"backbone": "mobilenet_v2", "weights": "random", "size": 32}
    options = options if stream == "rgb" else {}
    extractor = ClipExtractor(sampling=Sampling(4), stream=stream, **options)
    if stream == "rgb":
        extractor.stream.extractor.__dict__["_engine"] = network
    found = list(extractor.windows(Source("a", array=frames), 1.0, 0.5))
    assert [(start, end) for start, end, _ in found] == [
        (0, 1), (0.5, 1.5), (1, 2), (1.5, 2.5), (2, 3)
    ]
    rows, mask = extractor.compute_steps([steps for *_, steps in found])
    assert mask.all() and rows.shape == (5, *extractor.row_shape)
    alone, _ = extractor.compute([frames[:12]])
    np.testing.assert_allclose(rows[0], alone[0], atol=1e-3)
    later, _ = extractor.compute([frames[12:24]])
    # But for the difference to the frame before, which the part alone does not have.
    np.testing.assert_allclose(rows[2][1:], later[0][1:], atol=1e-3)


# The cache


CHILD = """
import sys
from pathlib import Path
from cnnrnn.features.clips import ClipExtractor
from cnnrnn.media.medium import CLIPS
from cnnrnn.media.sampling import Sampling
from cnnrnn.media.sources import expand

class Telling:
    def update(self, n=1, note=""):
        print(n, flush=True)

ClipExtractor(stream="motion", sampling=Sampling(16), batch=16).extract(
    expand([sys.argv[1]], medium=CLIPS), Telling())
"""


def test_after_a_kill_the_next_run_goes_on(tmp_path, capfd):
    for number in range(40):
        frames = np.random.default_rng(number).integers(0, 256, (20, 32, 32, 3), np.uint8)
        encode(tmp_path / f"{number:02}.mkv", frames, "mpeg4", options={})
    capfd.readouterr()
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, env=os.environ
    )
    for _ in range(15):
        child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()
    given = [Source(path.name, path) for path in sorted(tmp_path.iterdir())]
    extractor = ClipExtractor(stream="motion", sampling=Sampling(16), batch=16)
    table = extractor.extract(given)
    assert table.hits >= 10 and table.misses >= 1 and table.hits + table.misses == 40
    assert not table.failures and capfd.readouterr().err == ""
    rows, mask = table.read_masked(range(40))
    for number in (0, 9, 20, 39):
        steps = extractor.pixels(given[number])
        np.testing.assert_array_equal(rows[number], steps.astype(np.float16))
    assert mask.all() and extractor.extract(given).hits == 40


def test_a_full_hit_never_loads_keras(tmp_path):
    source = encode(tmp_path / "a.mp4", greys(6))
    for stream in ("motion", "flow"):
        program = (
            "import sys; from pathlib import Path\n"
            "from cnnrnn.features.clips import ClipExtractor\n"
            "from cnnrnn.media.source import Source\n"
            f"found = ClipExtractor(stream={stream!r}).extract([Source('a', Path(sys.argv[1]))])\n"
            "print(found.read([0]).shape, 'keras' in sys.modules, 'tensorflow' in sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(source.path)], capture_output=True, text=True
        )
        assert done.stdout.split()[-2:] == ["False", "False"], done.stderr


def test_sources_are_taken_as_they_are_needed(make):
    taken, at_first = [], []

    def stream():
        for first in range(100):
            taken.append(first)
            yield Source(str(first), array=clip(first))

    class Progress:
        def update(self, n=1, note=""):
            at_first.append(len(taken))

    make(batch=8).extract(stream(), Progress())  # 4 clips wait for the network, 8 more are read
    assert at_first[0] <= 10 and at_first[-1] == 100


MEMORY = """
import resource, sys
import numpy as np
from cnnrnn.features.clips import ClipExtractor
from cnnrnn.media.sampling import Sampling
from cnnrnn.media.source import Source

def clips():
    for number in range(int(sys.argv[1])):
        random = np.random.default_rng([int(sys.argv[1]), number])
        yield Source(str(number), array=random.integers(0, 256, (24, 64, 64, 3), np.uint8))

for stream in ("rgb", "motion"):
    options = {"output": "pixels", "size": 56} if stream == "rgb" else {}
    table = ClipExtractor(stream=stream, sampling=Sampling(16), **options).extract(clips())
    assert table.misses == int(sys.argv[1])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_clips():
    peaks = []
    for count in (100, 1000):
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(count)], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout))
    assert peaks[1] < 1.15 * peaks[0], peaks
