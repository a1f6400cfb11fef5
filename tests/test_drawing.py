"""media.drawing and media.fonts: what is drawn, where, and with which letters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from cnnrnn.errors import CnnRnnError
from cnnrnn.media import drawing, fonts
from cnnrnn.media.drawing import INK, PAPER

GREY = np.full((60, 80, 3), 128, np.uint8)


@pytest.fixture
def latin_only(monkeypatch):
    """A machine without fonts: only the one inside Pillow, which has Latin letters."""
    monkeypatch.setattr(fonts, "_folders", lambda: [])
    monkeypatch.setattr(fonts, "_advised", set())
    fonts.installed.cache_clear()
    fonts._choose.cache_clear()
    yield
    fonts.installed.cache_clear()
    fonts._choose.cache_clear()


def changed(before: np.ndarray, after: np.ndarray) -> tuple[int, int, int, int]:
    """The box (x1, y1, x2, y2) of the pixels that differ, ends included."""
    rows, columns = np.nonzero(np.any(before != after, axis=2))
    return columns.min(), rows.min(), columns.max(), rows.max()


def is_color(pixel: np.ndarray, color: tuple[int, int, int]) -> bool:
    return bool(np.all(np.abs(pixel.astype(int) - color) <= 2))


def test_text_goes_where_it_is_told_and_leaves_the_original():
    drawn = drawing.text(GREY, "hi", (20, 10), size=20, color=(255, 0, 0))
    assert np.all(GREY == 128)
    x1, y1, x2, y2 = changed(GREY, drawn)
    assert 20 <= x1 <= 24 and 10 <= y1 <= 20 and x2 < 48 and y2 < 36
    assert any(is_color(pixel, (255, 0, 0)) for pixel in drawn.reshape(-1, 3))


def test_a_machine_without_fonts_draws_latin(latin_only, capsys):
    assert fonts.installed() == ()
    drawn = drawing.text(GREY, "dog", (5, 5))
    assert changed(GREY, drawn)[2] > 20
    assert capsys.readouterr().err == ""


def test_missing_letters_are_told_once(latin_only, capsys):
    for _ in range(3):
        drawing.caption_bar(GREY, "一只狗 a dog")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "no font on this machine has 一只狗 (give one with --font" in lines[0]


def test_a_given_font_that_lacks_letters_is_told(latin_only, capsys, shared_font):
    drawing.text(GREY, "a 狗", (0, 0), font=shared_font)
    (line,) = capsys.readouterr().err.splitlines()
    assert str(shared_font) in line and "lacks 狗" in line


@pytest.fixture
def shared_font(tmp_path) -> Path:
    """Pillow's own font as a file."""
    font = ImageFont.load_default(20)
    path = tmp_path / "own.ttf"
    path.write_bytes(font.font_bytes)
    return path


def test_font_files(tmp_path, shared_font):
    assert fonts.load("a", 20, shared_font).path == str(shared_font)
    bad = tmp_path / "bad.ttf"
    bad.write_bytes(b"no font at all")
    for path in (bad, tmp_path / "missing.ttf", tmp_path):
        with pytest.raises(CnnRnnError, match="is no font that can be read .give a .ttf"):
            fonts.load("a", 20, path)


def test_the_font_with_the_letters_is_found(latin_only, monkeypatch, tmp_path, shared_font):
    """Preferred names come first, broken files are passed over, other suffixes not opened."""
    folder = tmp_path / "fonts" / "deep"
    folder.mkdir(parents=True)
    (folder / "Aardvark.otf").write_bytes(shared_font.read_bytes())
    (folder / "DejaVuSans.ttf").write_bytes(b"broken")
    (folder / "readme.txt").write_bytes(shared_font.read_bytes())
    monkeypatch.setattr(fonts, "_folders", lambda: [tmp_path / "fonts", tmp_path / "no such"])
    assert [Path(path).name for path in fonts.installed()] == ["DejaVuSans.ttf", "Aardvark.otf"]
    assert Path(fonts.load("dog", 20).path).name == "Aardvark.otf"


def test_spaces_and_marks_need_no_letters(latin_only, capsys):
    fonts.load("a \t\n\u200b\u0301", 20)
    fonts.load("", 20)
    assert capsys.readouterr().err == ""


def test_wrap_by_hand(shared_font):
    letters = fonts.load("", 20, shared_font)
    width = letters.getlength("aaa bbb")
    assert fonts.wrap("aaa bbb aaa", letters, width) == ["aaa bbb", "aaa"]
    assert fonts.wrap("  aaa \n bbb ", letters, width) == ["aaa bbb"]
    assert fonts.wrap("", letters, width) == [""]
    assert fonts.wrap("x" * 5, letters, letters.getlength("xx")) == ["xx", "xx", "x"]
    assert fonts.wrap("a" + "b" * 3, letters, 0) == ["a", "b", "b", "b"]


def test_wrapped_lines_fit():
    letters = fonts.load("word 狗", 18)
    text = "a word " * 20 + "没有空格的句子" * 20
    lines = fonts.wrap(text, letters, 200)
    assert max(letters.getlength(line) for line in lines) <= 200
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_caption_bar_below_an_unchanged_picture():
    picture = np.random.default_rng(0).integers(0, 256, (100, 400, 3), np.uint8)
    result = drawing.caption_bar(picture, "a dog")
    assert result.shape[1] == 400 and result.shape[0] > 116
    assert np.array_equal(result[:100], picture)
    bar = result[100:]
    assert is_color(bar[0, 0], PAPER) and is_color(bar[-1, -1], PAPER)
    assert any(is_color(pixel, INK) for pixel in bar.reshape(-1, 3))
    longer = drawing.caption_bar(picture, "a dog " * 30)
    assert longer.shape[0] > result.shape[0] + 20


def test_caption_bar_enlarges_tiny_and_pads_narrow_pictures():
    assert drawing.caption_bar(np.zeros((112, 112, 3), np.uint8), "x").shape[1] == 336
    pole = drawing.caption_bar(np.zeros((500, 10, 3), np.uint8), "x")
    assert pole.shape[1] == 336 and pole.shape[0] < 1100
    assert is_color(pole[10, 5], PAPER) and is_color(pole[10, 168], (0, 0, 0))
    assert drawing.caption_bar(np.zeros((1, 1, 3), np.uint8), "x").shape[1] == 336


def test_heat_is_bright_where_the_map_is_large():
    weights = np.zeros((2, 2), np.float32)
    weights[0, 1] = 1
    hot = drawing.heat(GREY, weights).astype(int)
    assert hot.shape == GREY.shape
    assert hot[:20, 60:].mean() > 150
    # Where nothing is looked at, the shade alone: 128 * (1 - 0.65) = 44.8.
    assert hot[-1, 0].tolist() == [45, 45, 45]


def test_heat_of_equal_weights_has_no_bright_place():
    for value in (0, 1 / 49, 1):
        assert np.all(drawing.heat(GREY, np.full((7, 7), value)) == 45)
    ripples = 1 / 49 + 1e-4 * np.random.default_rng(0).random((7, 7))
    assert drawing.heat(GREY, ripples).max() < 55
    assert drawing.heat(GREY, np.full((7, 7), np.nan)).shape == GREY.shape


def test_attention_strip_has_a_tile_for_the_picture_and_each_word():
    maps = np.random.default_rng(0).random((9, 7, 7))
    strip = drawing.attention_strip(GREY, ["a", "dog"], maps)
    # 80 x 60 is scaled to 168 x 126, with 27 pixels for the word and 10 between.
    assert strip.shape == (10 + 126 + 27 + 10, 3 * (168 + 10) + 10, 3)
    assert np.all(strip[10 : 10 + 126, 10 : 10 + 168] == 128)
    rows = drawing.attention_strip(GREY, ["w"] * 8, maps)
    assert rows.shape == (10 + 2 * (126 + 27 + 10), 6 * 178 + 10, 3)


def test_too_long_a_word_is_cut(shared_font):
    narrow = drawing.labelled(GREY, "a" * 50, shared_font)
    assert narrow.shape == (87, 80, 3)
    letters = fonts.load("", 15, shared_font)
    cut = fonts.shortened("a" * 50, letters, 80)
    assert cut.endswith("a…") and letters.getlength(cut) <= 80
    assert fonts.shortened("abc", letters, 80) == "abc"


def test_boxes_are_drawn_on_their_edges():
    picture = np.full((200, 400, 3), 128, np.uint8)
    result = drawing.boxes(picture, [(50, 60, 150, 120)])
    assert result.shape == picture.shape
    assert changed(picture, result) == (50, 60, 150, 120)
    assert is_color(result[60, 100], drawing.PALETTE[0])
    assert np.all(result[80:100, 70:130] == 128)


def test_boxes_follow_an_enlarged_picture():
    result = drawing.boxes(np.full((112, 112, 3), 128, np.uint8), np.array([[28.0, 14, 56, 70]]))
    assert result.shape == (336, 336, 3)
    assert changed(np.full_like(result, 128), result) == (84, 42, 168, 210)


EDGES = {
    "top left": (0, 0, 30, 20),
    "right": (390, 100, 399, 150),
    "bottom": (100, 190, 200, 199),
    "outside": (-50, -50, 900, 900),
    "turned round": (9, 9, 2, 2),
}


@pytest.mark.parametrize("box", EDGES.values(), ids=EDGES)
def test_labels_stay_inside(box, shared_font):
    picture = np.full((200, 400, 3), 128, np.uint8)
    letters = fonts.load("", 12, shared_font)
    for label in ("dog", "a very long label " * 10):
        result = drawing.boxes(picture, [box], [label], shared_font)
        ground = np.all(np.abs(result.astype(int) - drawing.PALETTE[0]) <= 2, axis=2)
        # The whole label is there: high as a line of its letters, wide as its text.
        assert ground.any(axis=1).sum() >= 12 * drawing.LINE_HEIGHT - 1
        assert ground.any(axis=0).sum() >= min(letters.getlength(label), 380)


def test_labels_do_not_hide_each_other(shared_font):
    picture = np.full((200, 400, 3), 128, np.uint8)
    places = [(100, 80, 180, 140), (102, 82, 178, 138), (104, 84, 182, 142)]
    result = drawing.boxes(picture, places, ["a dog", "a cat", "a cow"], shared_font)
    for color in drawing.PALETTE[:3]:
        ground = np.all(np.abs(result.astype(int) - color) <= 2, axis=2)
        # A whole label has rows that are filled far beyond what the lines of a box fill.
        assert (ground.sum(axis=1) > 15).sum() >= 10


def test_letters_do_not_cover_a_long_strip(shared_font):
    picture = np.full((112, 4480, 3), 128, np.uint8)
    result = drawing.boxes(picture, [(1000, 30, 2400, 90)], ["a horse"], shared_font)
    assert np.any(result != picture, axis=2).mean() < 0.1


def test_small_boxes_are_drawn_over_large_ones():
    picture = np.full((200, 400, 3), 128, np.uint8)
    result = drawing.boxes(picture, [(100, 50, 140, 90), (20, 20, 380, 70)])
    assert is_color(result[70, 100], drawing.PALETTE[0])


def test_tile_by_hand():
    red, blue = (np.full((2, 3, 3), color, np.uint8) for color in ((255, 0, 0), (0, 0, 255)))
    sheet = drawing.tile([red, blue, red], columns=2, gap=1)
    assert sheet.shape == (7, 9, 3)
    letters = {(255, 0, 0): "r", (0, 0, 255): "b", (255, 255, 255): "."}
    assert ["".join(letters[tuple(pixel)] for pixel in row) for row in sheet.tolist()] == [
        ".........",
        ".rrr.bbb.",
        ".rrr.bbb.",
        ".........",
        ".rrr.....",
        ".rrr.....",
        ".........",
    ]


def test_tile_scales_into_cells_and_keeps_shapes():
    wide, high = np.zeros((10, 40, 3), np.uint8), np.zeros((40, 10, 3), np.uint8)
    sheet = drawing.tile([wide, high], columns=2, size=(20, 20), gap=0)
    assert sheet.shape == (20, 40, 3)
    dark = np.all(sheet == 0, axis=2)
    assert dark[:, :20].sum() == 5 * 20 and dark[:, 20:].sum() == 20 * 5
    assert dark[10, 0] and not dark[0, 0]
