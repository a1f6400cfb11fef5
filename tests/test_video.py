"""Reading video: the right frames, of every usual file, and of files that are cut or damaged."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from video_helpers import CODECS, encode, encode_sound, greys, numbers, turned

from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media import video
from cnnrnn.media.sampling import Sampling
from cnnrnn.media.source import Source
from cnnrnn.media.video import read
from cnnrnn.media.video_check import check
from cnnrnn.media.video_decode import ArrayReel, FileReel, Pass
from cnnrnn.media.video_probe import VideoError
from cnnrnn.media.video_windows import windows
from cnnrnn.media.video_write import write

ALL = Sampling(100)
NAMES = {"libx264": "h264", "libvpx-vp9": "vp9", "libsvtav1": "av1"}


@pytest.fixture(autouse=True)
def silent(capfd):
    """FFmpeg says nothing, whatever a test gives it."""
    yield
    assert capfd.readouterr().err == ""


# Files


@pytest.mark.parametrize("suffix, codec", CODECS)
def test_every_frame_of_every_codec(tmp_path, suffix, codec, capfd):
    source = encode(tmp_path / f"a{suffix}", greys(30), codec)
    capfd.readouterr()  # the AV1 encoder introduces itself
    assert check(source).codec == NAMES.get(codec, codec)
    clip = read(source, ALL)
    assert numbers(clip.frames) == list(range(30))
    assert (clip.total, clip.notes) == (30, ())
    assert clip.frames.shape == (30, 64, 80, 3) and clip.frames.dtype == np.uint8
    np.testing.assert_allclose(clip.times, np.arange(30) / 25, atol=2e-3)
    assert clip.duration == pytest.approx(30 / 25, abs=2e-3)
    some = read(source, Sampling(5), (32, 32))
    assert numbers(some.frames) == [3, 9, 15, 21, 27] and some.frames.shape[1:] == (32, 32, 3)


def test_colours_are_red_green_blue(tmp_path):
    colours = np.zeros((3, 64, 64, 3), np.uint8)
    for number in range(3):
        colours[number, ..., number] = 200
    clip = read(encode(tmp_path / "a.mp4", colours), ALL)
    assert np.abs(clip.frames.mean((1, 2)) - 200 * np.eye(3)).max() < 12


def test_size_averages_and_keeps_left_left(tmp_path):
    halves = np.zeros((4, 64, 96, 3), np.uint8)
    halves[:, :, 48:] = 240
    clip = read(encode(tmp_path / "a.mp4", halves), ALL, (8, 6))
    assert clip.frames.shape == (4, 8, 6, 3)
    assert clip.frames[:, :, :3].max() < 20 and clip.frames[:, :, 3:].min() > 220
    large = read(encode(tmp_path / "a.mp4", halves), ALL, (128, 192))
    assert large.frames.shape == (4, 128, 192, 3) and np.ptp(large.frames[0, 0]) > 200


def test_turned_files_are_upright_once(tmp_path):
    halves = np.zeros((3, 64, 96, 3), np.uint8)
    halves[:, :, :48] = 240  # what is left will be on top
    source = turned(encode(tmp_path / "a.mp4", halves))
    clip = read(source, ALL)
    assert clip.frames.shape == (3, 96, 64, 3)
    assert clip.frames[:, :40].min() > 200 and clip.frames[:, -40:].max() < 40
    assert read(source, ALL, (20, 10)).frames.shape == (3, 20, 10, 3)
    report = check(source)
    assert (report.width, report.height, report.rotation) == (64, 96, -90)


def test_a_varying_rate_is_sampled_by_time(tmp_path):
    times = [*np.arange(20) / 20, 3.0]  # 20 frames in the first second, then two of stillness
    source = encode(tmp_path / "a.mkv", greys(21), times=times)
    clip = read(source, Sampling(4))
    seconds = (np.arange(4) + 0.5) * clip.duration / 4
    assert numbers(clip.frames) == [int(seconds[0] * 20), 19, 19, 19]
    assert read(source, ALL).total == 21


def test_animations(tmp_path):
    write(tmp_path / "a.gif", greys(30), 10)
    clip = read(Source("a", tmp_path / "a.gif"), ALL)
    assert numbers(clip.frames) == list(range(30))
    np.testing.assert_allclose(clip.times, np.arange(30) / 10)


class _Pipe(io.RawIOBase):
    """Takes bytes, and never goes back."""

    def __init__(self, path: Path):
        self.file = open(path, "wb")

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        return self.file.write(data)

    def close(self) -> None:
        self.file.close()


def test_a_file_that_does_not_know_its_duration(tmp_path):
    pipe = _Pipe(tmp_path / "a.mkv")
    source = encode(tmp_path / "a.mkv", greys(30), file=pipe)
    pipe.close()
    assert check(source).header_frames is None
    assert numbers(read(source, Sampling(5)).frames) == [3, 9, 15, 21, 27]


def test_a_bare_stream_has_neither_times_nor_length(tmp_path):
    encode(tmp_path / "a.h264", greys(30))
    clip = read(Source("a", tmp_path / "a.h264"), Sampling(5))
    assert numbers(clip.frames) == [3, 9, 15, 21, 27] and clip.total == 30


def test_a_resolution_that_changes_in_the_middle(tmp_path):
    encode(tmp_path / "a.h264", greys(15))
    encode(tmp_path / "b.h264", greys(15, (32, 48)))
    path = tmp_path / "c.h264"
    path.write_bytes((tmp_path / "a.h264").read_bytes() + (tmp_path / "b.h264").read_bytes())
    clip = read(Source("c", path), ALL)
    assert clip.frames.shape == (30, 64, 80, 3)
    assert numbers(clip.frames) == [*range(15), *range(15)]
    assert clip.notes == ("the resolution changes: 48 x 32 and 80 x 64",)


def test_one_frame(tmp_path):
    clip = read(encode(tmp_path / "a.mp4", greys(1)), Sampling(16))
    assert clip.frames.shape == (1, 64, 80, 3) and clip.times.tolist() == [0] and clip.total == 1


@pytest.mark.parametrize("name", ["-a.mp4", "--help.mp4", "a b %03d.mp4", "http:a.mp4", "猫.mp4"])
def test_names_are_meant_literally(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    encode(tmp_path / "plain.mp4", greys(3)).path.rename(name)
    assert read(Source(name, Path(name)), ALL).total == 3


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have Unicode names only")
def test_a_name_that_is_no_unicode(tmp_path):
    name = tmp_path / "caf\udce9.mp4"
    encode(tmp_path / "plain.mp4", greys(3)).path.rename(name)
    assert read(Source("x", name), ALL).total == 3


def test_what_is_no_video_is_told_in_one_line(tmp_path):
    text, empty = tmp_path / "text.mp4", tmp_path / "empty.mp4"
    text.write_text("this is no video")
    empty.touch()
    listing = tmp_path / "list.mp4"
    encode(tmp_path / "a.mp4", greys(3))
    listing.write_text("ffconcat version 1.0\nfile a.mp4\n")
    for source, message in [
        (Source("text.mp4", text), "text.mp4 is not a video"),
        (Source("list.mp4", listing), "list.mp4 is not a video"),
        (Source("empty.mp4", empty), r"empty.mp4 is empty \(0 bytes\)"),
        (Source("gone.mp4", tmp_path / "gone.mp4"), "gone.mp4 does not exist"),
        (Source("folder", tmp_path), "folder is not a file"),
        (encode_sound(tmp_path / "sound.mp4"), "sound.mp4 holds sound only"),
        (Source("scenes:3", scene=("test", 3)), "scenes:3 is no clip"),
        (Source("x", problem="cannot read folder x"), "cannot read folder x"),
        (Source("array", array=np.zeros((4, 4, 3), np.uint8)), "array is no clip"),
        (Source("array", array=np.zeros((4, 4, 4, 3))), "array is no clip"),
    ]:
        for use in (read, check, lambda source: list(windows(source, 1, 1))):
            with pytest.raises(CnnRnnError, match=f"^{message}") as raised:
                use(source)
            assert "\n" not in str(raised.value)


def test_a_file_cut_short_gives_what_is_there(tmp_path):
    source = encode(tmp_path / "a.ts", greys(60), "mpeg2video")
    data = source.path.read_bytes()
    source.path.write_bytes(data[: len(data) // 2])
    clip = read(source, Sampling(5))
    assert 15 < clip.total < 45
    assert numbers(clip.frames) == [(2 * k + 1) * clip.total // 10 % 30 for k in range(5)]


@pytest.mark.parametrize("seed", range(6))
def test_damage_gives_the_same_frames_every_time(tmp_path, seed):
    source = encode(tmp_path / "a.mkv", greys(60), options={"crf": "1"})
    data = bytearray(source.path.read_bytes())
    generator = np.random.default_rng(seed)
    for place in generator.integers(600, len(data), 12):
        data[place] ^= 1 << generator.integers(8)
    source.path.write_bytes(data)
    first = read(source, Sampling(8), (16, 16), threads=0)
    second = read(source, Sampling(8), (16, 16), threads=1)
    np.testing.assert_array_equal(first.frames, second.frames)
    assert (first.total, first.notes) == (second.total, second.notes)
    assert np.isfinite(first.times).all() and np.isfinite(first.duration)
    assert check(source).decoded == first.total


def test_frames_are_chosen_again_where_the_packets_promise_too_much():
    class Promising(ArrayReel):
        """Says 40 frames, and has 20."""

        def __init__(self):
            super().__init__("clip", greys(20))
            self.times, self.duration = np.arange(40) / 25, 40 / 25

    plans = []

    def visit(times, duration, met, threads):
        plans.append(Sampling(4).plan(times, duration).indices.tolist())
        for _ in reel.frames(lambda number: False, met=met):
            pass

    reel = Promising()
    reel.frames = lambda wanted, **options: ArrayReel("clip", greys(20)).frames(wanted, **options)
    found = video.gather(reel, visit)
    assert plans == [[5, 15, 25, 35], [2, 7, 12, 17]] and len(found.times) == 20


# Seeking


def test_long_files_are_sought_with_the_same_result(tmp_path, monkeypatch):
    source = encode(tmp_path / "a.mp4", greys(240), gop=10)
    whole = read(source, Sampling(6))
    monkeypatch.setattr(video, "LONG", 100)
    decoded = []
    frames = FileReel.frames
    monkeypatch.setattr(
        FileReel, "frames", lambda *a, **k: decoded.append(1) or frames(*a, **k)
    )
    sought = read(source, Sampling(6))
    assert not decoded and sought.notes == ("frames counted, not all decoded",)
    np.testing.assert_array_equal(sought.frames, whole.frames)
    assert sought.total == 240 and sought.times.tolist() == whole.times.tolist()
    # A seek that lands elsewhere is noticed: every frame is asked for a little too late.
    probe = FileReel.__init__

    def wrong(self, source):
        probe(self, source)
        object.__setattr__(self.header, "stamps", self.header.stamps + 1)

    monkeypatch.setattr(FileReel, "__init__", wrong)
    np.testing.assert_array_equal(read(source, Sampling(6)).frames, whole.frames)
    assert decoded


@pytest.mark.parametrize("sparse", [{"gop": 240}, {"gop": 10, "codec": "mpeg2video"}])
def test_seeking_needs_key_frames_and_an_index(tmp_path, monkeypatch, sparse):
    monkeypatch.setattr(video, "LONG", 100)
    name = "a.ts" if "codec" in sparse else "a.mp4"
    clip = read(encode(tmp_path / name, greys(240), **sparse), Sampling(6))
    assert clip.notes == () and clip.total == 240


# Writing


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".MP4"])
def test_what_is_written_is_read_again(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write(path, iter(greys(20, (61, 81))), 8)
    clip = read(Source("a", path), ALL)
    assert numbers(clip.frames) == list(range(20))
    assert clip.duration == pytest.approx(20 / 8, abs=0.11)  # a GIF counts hundredths
    assert check(Source("a", path)).problems == ()


def test_what_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_text("old")

    def failing():
        yield greys(1)[0]
        raise CnnRnnError("no more frames")

    for frames, message in [
        (failing(), "no more frames"),
        ([], "no frames"),
        ([greys(1)[0], greys(1, (32, 32))[0]], "a frame of"),
        ([np.zeros((4, 4))], "no picture"),
    ]:
        with pytest.raises(CnnRnnError, match=message):
            write(path, frames, 12)
    with pytest.raises(UsageError, match=".mp4 or .gif"):
        write(tmp_path / "a.avi", greys(2), 12)
    with pytest.raises(UsageError, match="above 0"):
        write(path, greys(2), 0)
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


# Reports


def test_reports(tmp_path):
    source = encode(tmp_path / "a.mp4", greys(30))
    report = check(source)
    assert (report.name, report.decoded, report.header_frames) == ("a.mp4", 30, 30)
    assert (report.width, report.height, report.codec) == (80, 64, "h264")
    assert report.fps == pytest.approx(25) and report.problems == ()
    array = check(Source("array", array=greys(24)))
    assert (array.decoded, array.codec, array.duration) == (24, "array", 2.0)


def test_an_empty_pass_is_an_error():
    with pytest.raises(VideoError, match="holds no frame"):
        video.survey(ArrayReel("a", greys(3)), Pass())
