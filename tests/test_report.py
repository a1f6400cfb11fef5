"""The report: what it says, that nothing breaks out of it, and that its numbers can be read."""

from __future__ import annotations

import base64
import io
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from cnnrnn.errors import CnnRnnError
from cnnrnn.training.report import MAX_SIDE, Card, Report, number_text
from cnnrnn.training.svg import line_chart, nice_ticks, tick_texts

VOID = {"meta", "img", "br", "hr", "link", "input"}
RED = np.full((8, 12, 3), (200, 10, 10), np.uint8)


class Page(HTMLParser):
    """Every element with its attributes and text; fails on tags that do not match."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style" and data.strip():
            self.texts.append(data.strip())

    def all(self, tag, kind=None):
        return [a for t, a in self.elements if t == tag and kind in (None, a.get("class"))]


def written(report, tmp_path) -> tuple[str, Page]:
    report.write(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    return text, Page(text)


# -- the page -----------------------------------------------------------------------------------

EVIL = "<script>alert('1')</script>\" onload=\"x & y"


def test_every_text_is_escaped(tmp_path):
    report = Report(EVIL, EVIL)
    report.headline([(EVIL, EVIL, EVIL)])
    report.heading(EVIL)
    report.text(EVIL)
    report.warning(EVIL)
    report.settings(EVIL, {EVIL: EVIL})
    report.curves(EVIL, {EVIL: [(1, 2.0), (2, 3.0)]}, EVIL, EVIL, best=1)
    report.table(EVIL, [EVIL], [[EVIL]], note=EVIL)
    report.gallery(EVIL, [Card(RED, EVIL, [EVIL, (EVIL, EVIL)], RED, EVIL, EVIL)], EVIL)
    text, page = written(report, tmp_path)
    assert "<script" not in text
    assert not any("onload" in attributes for _, attributes in page.elements)
    assert page.texts.count(EVIL) >= 18  # whole again once a browser has read it


def test_the_file_needs_nothing_from_outside(tmp_path):
    report = Report("title")
    report.curves("Loss", {"train": [(1, 1.0)]})
    report.gallery("pictures", [Card(RED, "a", ["b"])])
    text, page = written(report, tmp_path)
    assert not {"link", "script", "iframe"} & {tag for tag, _ in page.elements}
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in page.all("img"))
    assert not re.search(r"https?:|url\(|@import", text)
    (policy,) = (meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'")


def test_any_script_and_a_name_that_is_not_utf8(tmp_path):
    report = Report("图像描述")
    report.gallery("示例", [Card(RED, "bad\udcff.jpg", [("模型", "一只棕色的狗在草地上奔跑")])])
    text, page = written(report, tmp_path)
    assert "一只棕色的狗在草地上奔跑" in page.texts and "bad?.jpg" in page.texts
    assert '<meta charset="utf-8">' in text


def test_a_report_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CnnRnnError, match="cannot write"):
        Report("title").write(tmp_path / "file" / "report.html")


def test_text_has_paragraphs_and_code(tmp_path):
    report = Report("title")
    report.text("one `two`\n\nthree")
    text, _ = written(report, tmp_path)
    assert "<p>one <code>two</code></p>\n<p>three</p>" in text


def test_charts_in_a_row_share_one_block(tmp_path):
    report = Report("title")
    curve = {"validation": [(1, 1.0), (2, 2.0)]}
    for title in ("a", "b"):
        report.curves(title, curve)
    report.text("between")
    report.curves("c", curve)
    _, page = written(report, tmp_path)
    assert len(page.all("div", "charts")) == 2 and len(page.all("figure")) == 3


def test_a_series_keeps_its_colour_in_all_charts(tmp_path):
    report = Report("title")
    report.curves("loss", {"train": [(1, 1.0), (2, 2.0)], "validation": [(1, 1.0), (2, 2.0)]})
    report.curves("CIDEr", {"validation": [(1, 1.0), (2, 2.0)]})
    _, page = written(report, tmp_path)
    assert [len(page.all("path", f"line s{number}")) for number in (0, 1)] == [1, 2]
    assert [len(page.all("span", f"key s{number}")) for number in (0, 1)] == [1, 2]


# -- tables -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, text",
    [
        (12345, "12,345"),
        (np.int64(7), "7"),
        (0.55123, "0.551"),
        (np.float32(0.5), "0.500"),
        (12.345, "12.35"),
        (123.45, "123.5"),
        (-1234.5678, "-1,235"),
        (0.00012, "1.2e-04"),
        (0.0, "0.000"),
        (True, "yes"),
        (None, "–"),
        (math.nan, "–"),
        ("as it is", "as it is"),
    ],
)
def test_numbers_read_well(value, text):
    assert number_text(value) == text


def cells(text):
    return re.findall(r"<t[hd][^>]*?(?: class=\"([^\"]*)\")?>([^<]*)</t[hd]>", text)


def test_numbers_are_right_aligned_and_the_best_is_bold(tmp_path):
    report = Report("title")
    report.table(
        "",
        ["model", "CIDEr", "loss", "n", "interval"],
        [
            ["ours", 0.5512, 12.5, 1000, "0.52 to 0.58"],
            ["nearest", 0.258, 9, 1000, None],
            ["none", math.nan, None, 20, "–"],
        ],
        higher=["CIDEr"],
        lower=["loss"],
    )
    text, _ = written(report, tmp_path)
    num, top = "num", "num top"
    assert cells(text) == [
        ("", "model"), (num, "CIDEr"), (num, "loss"), (num, "n"), (num, "interval"),
        ("", "ours"), (top, "0.551"), (num, "12.50"), (num, "1,000"), (num, "0.52 to 0.58"),
        ("", "nearest"), (num, "0.258"), (top, "9.00"), (num, "1,000"), (num, "–"),
        ("", "none"), (num, "–"), (num, "–"), (num, "20"), (num, "–"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "cell, kind",
    [("-1.5e-05", "num"), ("0.5 ± 0.01", "num"), ("4.1 %", "num"), ("10.jpg", ""), ("3 dogs", "")],
)
def test_only_figures_are_right_aligned(tmp_path, cell, kind):
    report = Report("title")
    report.table("", ["a"], [[cell], [7]])
    text, _ = written(report, tmp_path)
    assert [found for found, _ in cells(text)] == [kind] * 3


def test_best_of_a_column_without_numbers_marks_nothing(tmp_path):
    report = Report("title")
    report.table("", ["a", "b"], [[None, "x"], [None, "y"]], higher=["a", "b"])
    report.table("", ["a"], [], higher=["a"])
    text, _ = written(report, tmp_path)
    assert not any("top" in kind for kind, _ in cells(text))


# -- pictures -----------------------------------------------------------------------------------


def pictures(page):
    data = [image["src"].split(",", 1)[1] for image in page.all("img")]
    return [Image.open(io.BytesIO(base64.b64decode(each))) for each in data]


def test_pictures_are_kept_small_and_in_their_colours(tmp_path):
    large = np.zeros((1200, 2400, 3), np.uint8)
    report = Report("title")
    report.gallery("", [Card(RED, "red", ["a dog"]), Card(large, "large", [])])
    _, page = written(report, tmp_path)
    red, small = pictures(page)
    assert red.size == (12, 8) and small.size == (MAX_SIDE, MAX_SIDE // 2)
    assert np.abs(np.asarray(red).astype(int) - (200, 10, 10)).max() <= 6
    assert [image["alt"] for image in page.all("img")] == ["red", "large"]


def test_a_strip_is_folded_and_keeps_its_size(tmp_path):
    strip = np.zeros((20, 900, 3), np.uint8)
    report = Report("title")
    report.gallery("", [Card(RED, "red", ["a"], strip), Card(RED, "plain", ["a"])])
    _, page = written(report, tmp_path)
    assert page.all("details") == [{}]  # one, closed
    assert pictures(page)[1].size == (900, 20)


# -- curves -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "low, high, whole, ticks, texts",
    [
        (0, 10, False, [0, 2, 4, 6, 8, 10], ["0", "2", "4", "6", "8", "10"]),
        (0.12, 0.45, False, [0.1, 0.2, 0.3, 0.4, 0.5], ["0.1", "0.2", "0.3", "0.4", "0.5"]),
        (-1.0, 1.0, False, [-1, -0.5, 0, 0.5, 1], ["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
        (1, 3, True, [1, 2, 3], ["1", "2", "3"]),
        (4, 4, True, [3, 4, 5], ["3", "4", "5"]),
        (0, 0, False, [-1, -0.5, 0, 0.5, 1], ["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
        (0, 4e6, False, [0, 1e6, 2e6, 3e6, 4e6], ["0", "1e+06", "2e+06", "3e+06", "4e+06"]),
    ],
)  # fmt: skip
def test_ticks_are_round_and_span_the_values(low, high, whole, ticks, texts):
    got = nice_ticks(low, high, whole=whole)
    assert got == pytest.approx(ticks) and tick_texts(got) == texts


def test_a_point_lies_where_the_axes_say():
    svg = line_chart({"a": [(0, 0.0), (10, 10.0)]}, "title")
    numbers = re.findall(
        r'<text class="(tick end|tick middle)" x="([\d.]+)" y="([\d.]+)">(\d+)<', svg
    )
    y = {int(text): float(y) - 4 for kind, _, y, text in numbers if kind == "tick end"}
    x = {int(text): float(x) for kind, x, _, text in numbers if kind == "tick middle"}
    assert f'd="M{x[0]:.1f} {y[0]:.1f}L{x[10]:.1f} {y[10]:.1f}"' in svg
    assert x[0] < x[10] and y[0] > y[10]


def test_best_is_marked_and_values_are_in_tooltips():
    svg = line_chart(
        {"train": [(1, 3.0), (2, 2.0)], "validation": [(1, 4.0), (2, 2.51234)]}, "title", best=2
    )
    assert ">best epoch 2<" in svg and svg.count('class="ring') == 2
    titles = re.findall(r"<title>([^<]*)</title>", svg)
    assert titles == ["epoch 1\ntrain: 3\nvalidation: 4", "epoch 2\ntrain: 2\nvalidation: 2.512"]


def test_gaps_single_points_and_nothing():
    gap = line_chart({"a": [(1, 1.0), (2, 2.0), (3, math.nan), (4, 1.0), (5, math.inf)]}, "t")
    (path,) = re.findall(r'class="line s0" d="([^"]*)"', gap)
    assert re.sub(r"[\d. ]", "", path) == "MLM" and "nan" not in gap and "inf" not in gap
    single = line_chart({"a": [(3, 0.5)]}, "t", best=3)
    assert single.count('class="ring') == 1 and "nan" not in single
    assert "Nothing recorded" in line_chart({"a": [], "b": [(1, math.nan)]}, "t")


def test_a_long_series_stays_small():
    svg = line_chart({"loss": [(step, 1 / (step + 1)) for step in range(4000)]}, "t")
    assert svg.count("<title>") <= 150 and len(svg) < 120_000
