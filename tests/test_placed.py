"""Pictures with boxes in a report: they light up with their phrases, and nothing breaks out."""

from __future__ import annotations

import re

import numpy as np

from cnnrnn.training.placed import MAX_REGIONS, STYLE, Placed, placed_html
from cnnrnn.training.report import Report

GREY = np.full((60, 80, 3), 128, np.uint8)


def test_a_box_and_its_phrase_carry_one_number():
    item = Placed(GREY, "a.jpg", [[1, 2, 11, 22], [0, 0, 80, 60]], ["dog", "sky"], ["90%", "10%"])
    text = placed_html(item)
    assert 'viewBox="0 0 80 60"' in text
    first = '<rect class="r0" x="1.0" y="2.0" width="10.0" height="20.0"><title>dog</title></rect>'
    assert first in text
    assert '<li class="r0" tabindex="0"><span dir="auto">dog</span><span>90%</span></li>' in text
    # The large box lies below the small one.
    assert text.index('<rect class="r1"') < text.index('<rect class="r0"')
    for number in range(MAX_REGIONS):
        assert f".placed:has(.r{number}:hover) .r{number}" in STYLE


def test_more_boxes_than_can_be_told_apart_are_left_out():
    item = Placed(GREY, "a.jpg", [[0, 0, 5, 5]] * 40, ["x"] * 40)
    assert placed_html(item).count("<rect") == MAX_REGIONS == placed_html(item).count("<li")


def test_text_is_escaped_and_the_page_needs_nothing_from_outside(tmp_path):
    evil = "<script>alert(1)</script>"
    report = Report("title")
    report.places(evil, [Placed(GREY, evil, [[0, 0, 5, 5]], [evil], [evil])], evil)
    report.write(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text and text.count("&lt;script&gt;") >= 5
    assert not re.search(r"https?:|url\(|@import", text)


def test_a_picture_without_regions_and_a_large_one():
    text = placed_html(Placed(np.zeros((1500, 30, 3), np.uint8), "b\udcff.jpg", [], []))
    assert "b?.jpg" in text and "<rect" not in text
