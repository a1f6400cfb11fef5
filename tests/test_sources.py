"""media.sources: what arguments mean, in which order, and what happens where there is nothing."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnnrnn import scenes
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media import images
from cnnrnn.media.medium import CLIPS
from cnnrnn.media.sources import OutputNames, Source, expand, output_names, safe_join


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(images.encode(np.full((4, 5, 3), 60, np.uint8), ".png"))


def names(*args: str, base=None) -> list[str]:
    return [source.name for source in expand(args, base)]


@pytest.mark.parametrize(
    "name", ["a b.png", "-x.png", "--help", "猫 ü.png", "[a]*.png", "#1.png", "@x.png", "no suffix"]
)
def test_a_file_is_meant_literally(name):
    make(name)
    (source,) = expand([name])
    assert source.name == name
    assert source.read().shape == (4, 5, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have Unicode names only")
def test_names_that_are_no_unicode(here):
    name = os.fsdecode(b"caf\xe9.png")
    make(name)
    (source,) = expand([str(here)])
    assert source.read().shape == (4, 5, 3)
    assert names(name) == [name]
    Path("list.txt").write_bytes(b"caf\xe9.png\n")
    assert next(expand(["list.txt"])).read().shape == (4, 5, 3)


def test_a_missing_file_fails_when_read_and_the_others_go_on():
    make("a.png", "c.png")
    first, missing, last = expand(["a.png", "b.png", "c.png"])
    assert first.read().shape == last.read().shape == (4, 5, 3)
    for use in (missing.read, missing.key):
        with pytest.raises(CnnRnnError, match="^b.png does not exist$"):
            use()


def test_folder_recursive_and_sorted_per_folder():
    make("d/b.png", "d/a.JPG", "d/sub/z.webp", "d/sub/deep/y.gif", "d/zz.png")
    make("d/notes.md", "d/._a.jpg", "d/.hidden/x.png")
    expected = ["a.JPG", "b.png", "sub/deep/y.gif", "sub/z.webp", "zz.png"]
    assert names("d") == [os.path.join("d", name) for name in expected]
    assert names("d", base=os.getcwd()) == [os.path.join(os.getcwd(), "d", n) for n in expected]


def test_folder_is_streamed(monkeypatch):
    make("d/a/1.png", "d/b/2.png")
    opened = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: opened.append(path) or scandir(path))
    stream = expand(["d"])
    assert next(stream).name == os.path.join("d", "a", "1.png")
    assert opened == ["d", os.path.join("d", "a")]


def test_links_that_loop_and_links_that_do_not():
    make("d/a.png", "elsewhere/b.png")
    os.symlink(os.path.abspath("d"), "d/loop")
    os.symlink(os.path.abspath("elsewhere"), "d/other")
    os.symlink("nowhere.png", "d/broken.png")
    *good, broken = sorted(expand(["d"]), key=lambda source: source.name.endswith("broken.png"))
    assert [source.name for source in good] == ["d/a.png", "d/other/b.png"]
    with pytest.raises(CnnRnnError, match="broken.png does not exist"):
        broken.read()


def test_unreadable_folder_is_one_failure_among_good_sources(monkeypatch):
    make("d/a.png", "d/locked/x.png", "d/z.png")
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    first, locked, last = expand(["d"])
    assert first.read().shape == last.read().shape == (4, 5, 3)
    with pytest.raises(CnnRnnError, match="^cannot read folder d/locked: Permission denied$"):
        locked.read()
    with pytest.raises(CnnRnnError):
        locked.key()
    assert [source.problem != "" for source in expand(["d/locked"])] == [True]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file():
    make("a.png")
    os.chmod("a.png", 0)
    with pytest.raises(CnnRnnError, match="cannot read a.png: Permission denied"):
        next(expand(["a.png"])).read()


def test_folder_and_glob_without_pictures():
    make("notes/a.md")
    make("a.png")
    for arg in ("notes", "*.jpg", "no*where/**"):
        nothing, after = expand([arg, "a.png"])
        assert after.name == "a.png"
        with pytest.raises(CnnRnnError, match="holds no pictures|no picture matches") as raised:
            nothing.read()
        assert arg in str(raised.value) and ".jpg" in str(raised.value)


def test_globs():
    make("b1.png", "a1.png", "a1.md", "d/a2.png", "d/e/a3.png")
    assert names("*1*") == ["a1.png", "b1.png"]
    assert names("d/*") == ["d/a2.png"]
    assert names("**/a?.png") == ["a1.png", "d/a2.png", "d/e/a3.png"]
    assert names("*", base="d") == ["d/a2.png"]


@pytest.mark.parametrize("arg", ["lists/list.txt", "@lists/list.txt", "@lists/plain"])
def test_lists(arg):
    make("a.png", "lists/beside.png", "lists/with space.png", "[x].png")
    lines = "\ufeffa.png\r\nbeside.png\n\nwith space.png\n[x].png\n  \nscenes:2\nno.png"
    for name in ("lists/list.txt", "lists/plain"):
        Path(name).write_bytes(lines.encode())
    *good, missing = expand([arg])
    assert [source.name for source in good] == [
        "a.png", "beside.png", "with space.png", "[x].png", "scenes:2"
    ]
    assert [source.read().shape for source in good[:4]] == [(4, 5, 3)] * 4
    assert good[4].scene == ("test", 2)
    with pytest.raises(CnnRnnError, match="no.png does not exist"):
        missing.read()


def test_a_missing_list_is_told_when_it_is_read():
    for arg in ("no.txt", "@no"):
        with pytest.raises(CnnRnnError, match=r"cannot read the list no(\.txt)?: No such file"):
            next(expand([arg])).read()


def test_stdin(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("a.png\nü b.png\n".encode())))
    assert names("-") == ["a.png", "ü b.png"]


def test_stdin_gives_a_line_before_the_next_is_there():
    code = (
        "from cnnrnn.media.sources import expand\n"
        "for source in expand(['-']): print(source.name, flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        for name in (b"first.png\n", b"second.png\n"):
            program.stdin.write(name)
            program.stdin.flush()
            assert program.stdout.readline().strip() == name.strip()
        program.stdin.close()


def test_scenes():
    assert [source.scene for source in expand(["scenes:3"])] == [("test", 3)]
    assert [source.scene for source in expand(["scenes:train:8-10"])] == [
        ("train", 8), ("train", 9), ("train", 10)
    ]
    assert names("scenes:0-1", "scenes:val:7") == ["scenes:0", "scenes:1", "scenes:val:7"]


def test_the_same_scene_by_another_name_has_the_same_key():
    (short,), (long,), (other,) = (expand([f"scenes:{x}"]) for x in ("3", "test:3", "train:3"))
    assert short.key() == long.key() != other.key()
    assert np.array_equal(short.read(), scenes.render(scenes.scene("test", 3)))


@pytest.mark.parametrize(
    "arg", ["scenes:", "scenes:x", "scenes:nosuch:1", "scenes:-1", "scenes:5-2", ""]
)
def test_forms_that_cannot_be_meant(arg):
    with pytest.raises(UsageError) as raised:
        list(expand([arg]))
    assert raised.value.hint


def test_key_is_of_the_content_not_of_the_name():
    make("a.png", "copy.png")
    Path("other.png").write_bytes(b"something else")
    a, copy, other = expand(["a.png", "copy.png", "other.png"])
    assert a.key() == copy.key() != other.key()
    assert len(a.key()) == 32 and int(a.key(), 16) > 0
    # blake2b of 128 bits of the file's bytes, as any other program computes it.
    Path("empty.png").touch()
    assert next(expand(["empty.png"])).key() == "cae66941d9efbd404e4d88758ea67670"


def test_arrays():
    array = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    source = Source("array 0", array=array)
    assert np.array_equal(source.read(), array)
    assert source.key() == Source("another name", array=array.copy()).key()
    assert source.key() != Source("array 0", array=array.reshape(4, 2, 3)).key()
    assert Source("cut", array=np.tile(array, (1, 2, 1))[:, ::2]).key()  # not contiguous
    with pytest.raises(CnnRnnError, match="bad is no picture: float64"):
        Source("bad", array=array / 255).read()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_file_is_not_waited_for():
    os.mkfifo("pipe.png")
    with pytest.raises(CnnRnnError, match="pipe.png is not a file"):
        next(expand(["pipe.png"])).read()
    os.mkdir("folder.png")
    with pytest.raises(CnnRnnError, match="folder.png is not a file"):
        Source("folder.png", Path("folder.png")).key()
    with pytest.raises(CnnRnnError, match="cannot read"):
        next(expand(["a\0.png"])).read()


CLIMBING = ("../x", "a/../../x", "/etc/passwd", "..", "C:\\x", "..\\x", "", " ", "a\0b")


@pytest.mark.parametrize("name", CLIMBING)
def test_names_that_climb_out(name):
    with pytest.raises(CnnRnnError, match="leads out of data"):
        safe_join("data", name)


def test_names_that_stay_inside(here):
    for name in ("x.jpg", "a/b c.jpg", "a/../x.jpg", "..x.jpg", "...", "-x", "a\\b.jpg", "./x"):
        assert safe_join("data", name) == Path("data", name)
    os.mkdir("data")
    os.symlink("/", "data/link")
    assert safe_join("data", "link/etc") == Path("data/link/etc")


def test_output_names_of_a_whole_list():
    assert output_names(["a/x.jpg", "b/x.jpg", "c/y.png"]) == ["a_x.jpg", "b_x.jpg", "y.png"]
    assert output_names(["a/x.jpg", "b/x.png"]) == ["x.jpg", "x.png"]
    assert output_names(["a/x.jpg", "b/x.png"], ".png") == ["a_x.png", "b_x.png"]
    assert output_names(["a_x.jpg", "a/x.jpg", "b/x.jpg"]) == ["a_x.jpg", "a_x-2.jpg", "b_x.jpg"]
    assert output_names(["p/a/x.jpg", "q/a/x.jpg"]) == ["a_x.jpg", "q_a_x.jpg"]


def test_output_names_as_they_come():
    unique = OutputNames()
    given = ["a/x.jpg", "b/x.jpg", "b/x.jpg", "b/X.jpg", "/b/x.jpg", "../c/x.jpg", "x.jpg"]
    assert [unique(name) for name in given] == [
        "x.jpg", "b_x.jpg", "x-2.jpg", "X-3.jpg", "x-4.jpg", "c_x.jpg", "x-5.jpg"
    ]


def test_output_names_fit_every_file_system():
    unique = OutputNames(".png")
    assert unique("scenes:train:3") == "scenes_train_3.png"
    assert unique('a?<b>:"|*.jpg') == "a__b_____.png"
    assert unique("..") == "picture.png"
    for name in ("d/" + "猫" * 90 + ".jpg", "e/" + "猫" * 90 + ".jpg"):
        flat = unique(name)
        assert flat.startswith("猫猫") and len(os.fsencode(flat)) <= 200


def test_a_folder_of_the_size_of_a_data_set_costs_little(here):
    """A thousand entries are told apart without asking the file system about each of them."""
    for index in range(1000):
        Path(f"{index:04}.jpg").touch()
    calls = []
    stat = os.stat
    os.stat, saved = lambda *a, **k: calls.append(a) or stat(*a, **k), os.stat
    try:
        found = names(".")
    finally:
        os.stat = saved
    assert found == [f"./{index:04}.jpg" for index in range(1000)]
    assert len(calls) < 10


# Clips


def clip_names(*args: str, base=None) -> list[str]:
    return [source.name for source in expand(args, base, CLIPS)]


def test_clips_are_found_in_the_same_ways(monkeypatch):
    make("d/b.MP4", "d/a.gif", "d/sub/c.webm", "d/photo.jpg", "d/._b.mp4", "d/sub/notes.txt")
    expected = [os.path.join("d", name) for name in ("a.gif", "b.MP4", "sub/c.webm")]
    assert clip_names("d") == expected
    assert clip_names("d/*") == expected[:2] and clip_names("d/**/*.webm") == expected[2:]
    Path("list.txt").write_text("d/a.gif\nclips:2\nscenes:2\n")
    assert clip_names("list.txt", "-x.mp4") == ["d/a.gif", "clips:2", "scenes:2", "-x.mp4"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"d/a.gif\r\nclips:7\n")))
    assert clip_names("-") == ["d/a.gif", "clips:7"]
    make("pictures/a.jpg")
    for arg, message in [("pictures", "pictures holds no clips"), ("*.avi", "no clip matches")]:
        [nothing] = expand([arg], medium=CLIPS)
        assert message in nothing.problem
        assert ".mkv" in nothing.problem and ".jpg" not in nothing.problem


def test_built_in_clips():
    args = ["clips:3", "clips:0-1", "clips:train:3", "clips:test-busy:4"]
    found = list(expand(args, medium=CLIPS))
    assert [source.clip for source in found] == [
        ("test", 3), ("test", 0), ("test", 1), ("train", 3), ("test-busy", 4)
    ]
    assert [source.name for source in found[2:]] == ["clips:1", *args[2:]]
    for arg in ("clips:", "clips:x", "clips:nowhere:3", "clips:test-lazy:3", "clips:3-1"):
        with pytest.raises(UsageError, match=f"'{arg}'") as raised:
            clip_names(arg)
        assert "clips:" in raised.value.hint
    # What is no clip among pictures, and the other way round, is taken for the name of a file.
    assert next(expand(["clips:3"])).path and next(expand(["scenes:3"], medium=CLIPS)).path


def test_frames_of_built_in_clips_and_arrays(monkeypatch):
    drawn = []

    class Clips:
        VERSION = 7

        @staticmethod
        def clip(split, index, busy=False):
            return split, index, busy

        @staticmethod
        def render_clip(clip):
            drawn.append(clip)
            return np.zeros((24, 112, 112, 3), np.uint8)

    monkeypatch.setitem(sys.modules, "cnnrnn.scenes.clips", Clips)
    monkeypatch.setattr(scenes, "clips", Clips, raising=False)
    quiet, busy = Source("clips:3", clip=("val", 3)), Source("x", clip=("val-busy", 3))
    assert quiet.frames().shape == busy.frames().shape == (24, 112, 112, 3)
    assert drawn == [("val", 3, False), ("val", 3, True)]
    keys = {quiet.key(), busy.key(), Source("y", clip=("val", 4)).key()}
    Clips.VERSION = 8
    assert len(keys | {quiet.key()}) == 4
    array = Source("array", array=np.zeros((5, 4, 4, 3), np.uint8))
    assert array.frames().shape == (5, 4, 4, 3) and Source("a", Path("a.mp4")).frames() is None
    with pytest.raises(CnnRnnError, match="clips:3 is a clip, not a picture"):
        quiet.read()
    with pytest.raises(CnnRnnError, match="scenes:3 is no clip"):
        Source("scenes:3", scene=("test", 3)).frames()


def test_ten_thousand_clips_are_streamed(here, monkeypatch):
    for folder in range(100):
        (here / "d" / f"{folder:02}").mkdir(parents=True)
        for number in range(100):
            (here / "d" / f"{folder:02}" / f"{number:02}.mp4").touch()
    opened = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: opened.append(path) or scandir(path))
    stream = expand(["d"], medium=CLIPS)
    assert next(stream).name == os.path.join("d", "00", "00.mp4") and len(opened) == 2
    assert sum(1 for _ in stream) == 9_999


def test_a_file_is_hashed_in_blocks(monkeypatch):
    Path("a.mp4").write_bytes(bytes(range(256)) * 10)
    source = Source("a.mp4", Path("a.mp4"))
    monkeypatch.setattr("cnnrnn.media.source.BLOCK", 100)
    assert source.key() == source.key(source.content())


def test_the_size_of_a_picture_from_its_header(tmp_path):
    from PIL import ExifTags, Image

    picture = Image.new("RGB", (30, 20))
    picture.save(tmp_path / "plain.png")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    picture.save(tmp_path / "turned.jpg", exif=exif)
    assert Source("plain.png", tmp_path / "plain.png").size() == (30, 20)
    turned = Source("turned.jpg", tmp_path / "turned.jpg")
    assert turned.size() == (20, 30) == turned.read().shape[1::-1]
    assert Source("scenes:3", scene=("test", 3)).size() == (112, 112)
    (tmp_path / "text.jpg").write_text("no picture")
    assert Source("text.jpg", tmp_path / "text.jpg").size() is None
    assert Source("gone.jpg", tmp_path / "gone.jpg").size() is None
