"""Readers of regions, what they refuse, the look at the data, and batches."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cnnrnn.densecap import data as readers
from cnnrnn.densecap.batches import RegionBatches
from cnnrnn.densecap.check import check
from cnnrnn.densecap.given import read_boxes
from cnnrnn.densecap.layouts import Example, Region
from cnnrnn.densecap.pictures import Loader, Pictures, readable
from cnnrnn.densecap.settings import TrainSettings
from cnnrnn.errors import CnnRnnError
from cnnrnn.media import images
from cnnrnn.media.sources import Source, expand
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.text.vocabulary import END, Vocabulary


def picture(path, width=100, height=80):
    path.parent.mkdir(parents=True, exist_ok=True)
    colours = np.random.default_rng(width).integers(0, 255, (height, width, 3)).astype(np.uint8)
    images.save(path, colours)


def words_of(data) -> Vocabulary:
    tokenizer = Tokenizer("words")
    return Vocabulary.build(
        tokenizer(region.phrase) for each in data.examples for region in each.regions
    )


def boxes_of(example: Example) -> list[tuple]:
    return [(region.phrase, *np.round(region.box, 3).tolist()) for region in example.regions]


# -- layouts -------------------------------------------------------------------------------------


def visual_genome(folder, **changes):
    picture(folder / "images" / "1.jpg")
    picture(folder / "VG_100K_2" / "000000000002.jpg")
    regions = [{"phrase": "a red car", "x": 10, "y": 20, "width": 30, "height": 40}]
    content = [{"id": 1, "regions": regions}, {"id": 2, "regions": regions}]
    facts = [
        {"image_id": 1, "width": 100, "height": 80, "url": "https://example.org/VG/1.jpg"},
        {"image_id": 2, "width": 200, "height": 160},
    ]
    (folder / "region_descriptions.json").write_text(json.dumps(content))
    (folder / "image_data.json").write_text(json.dumps(facts))
    return folder


def test_visual_genome_with_its_official_splits(tmp_path):
    folder = visual_genome(tmp_path)
    (folder / "densecap_splits.json").write_text(json.dumps({"train": [2], "test": [1]}))
    data = readers.load(str(folder))
    assert data.format == "visual-genome"
    assert [(each.id, each.split, each.size) for each in data.examples] == [
        ("1", "test", (100, 80)), ("2", "train", (200, 160)),
    ]  # fmt: skip
    assert boxes_of(data.examples[0]) == [("a red car", 10, 20, 40, 60)]
    assert [each.source.read().shape for each in data.examples] == [(80, 100, 3)] * 2
    (folder / "densecap_splits.json").write_text(json.dumps({"train": [2]}))
    assert [each.id for each in readers.load(str(folder)).examples] == ["2"]


def test_a_picture_that_is_not_there_is_reported_not_fatal(tmp_path):
    folder = visual_genome(tmp_path)
    (folder / "images" / "1.jpg").unlink()
    data = readers.load(str(folder))
    kept, failures = readable(data.examples)
    assert [each.id for each in kept] == ["2"]
    assert failures[0][0] == "1.jpg" and "does not exist" in failures[0][1]


def coco(folder):
    picture(folder / "train2017" / "a.jpg")
    content = {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 100, "height": 80}],
        "categories": [{"id": 3, "name": "traffic light"}],
        "annotations": [{"image_id": 7, "category_id": 3, "bbox": [10.5, 20, 30, 40]}],
    }
    (folder / "annotations").mkdir()
    (folder / "annotations" / "instances_train2017.json").write_text(json.dumps(content))
    return folder


def test_coco_instances_are_told_by_their_class(tmp_path):
    data = readers.load(str(coco(tmp_path)))
    assert data.format == "coco"
    assert boxes_of(data.examples[0]) == [("traffic light", 10.5, 20, 40.5, 60)]
    assert data.examples[0].id == "7" and data.examples[0].source.read().shape == (80, 100, 3)


@pytest.mark.parametrize("change", [{"bbox": [1, 2, 3]}, {"category_id": 99}])
def test_a_broken_annotation_of_coco_is_told(tmp_path, change):
    path = next(coco(tmp_path).rglob("instances_*.json"))
    content = json.loads(path.read_text())
    content["annotations"][0] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(CnnRnnError, match="an annotation of category"):
        readers.load(str(tmp_path))


@pytest.mark.parametrize(
    "name, text",
    [
        ("data.yaml", "train: images/train\nnames: ['car', \"red dog\"]  # two\nnc: 2\n"),
        ("data.yaml", "names:\n  0: car\n  1: red dog\n"),
        ("data.yaml", "nc: 2\nnames:\n- car\n- red dog\nval: x\n"),
        ("classes.txt", "car\nred dog\n"),
    ],
)
def test_yolo(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    picture(tmp_path / "images" / "train" / "a.jpg")
    picture(tmp_path / "images" / "val" / "b.jpg")
    (tmp_path / "labels" / "train").mkdir(parents=True)
    (tmp_path / "labels" / "train" / "a.txt").write_text("1 0.5 0.5 0.2 0.5\n0 0.1 0.1 0.2 0.2\n")
    data = readers.load(str(tmp_path))
    assert data.format == "yolo"
    assert data.notes == ["1 pictures without regions left out"]
    assert data.examples[0].split == "train"
    assert boxes_of(data.examples[0]) == [("red dog", 40, 20, 60, 60), ("car", 0, 0, 20, 16)]


@pytest.mark.parametrize("line", ["0 0.5 0.5", "0 0.1 0.1 0.5 0.1 0.5 0.5", "car 0.5 0.5 0.2 0.2"])
def test_a_broken_line_of_yolo_is_told(tmp_path, line):
    (tmp_path / "classes.txt").write_text("car\n")
    picture(tmp_path / "images" / "a.jpg")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text(f"{line}\n")
    with pytest.raises(CnnRnnError, match="a.txt line 1 is no box"):
        readers.load(str(tmp_path))


VOC = """<annotation><filename>a.jpg</filename>
<size><width>100</width><height>80</height><depth>3</depth></size>
<object><name>dog</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>100</xmax><ymax>40</ymax></bndbox>
</object></annotation>"""


def test_pascal_voc_counts_pixels_from_one(tmp_path):
    picture(tmp_path / "JPEGImages" / "a.jpg")
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations" / "a.xml").write_text(VOC)
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Main" / "val.txt").write_text("a\n")
    data = readers.load(str(tmp_path))
    assert data.format == "voc" and data.examples[0].split == "val"
    assert boxes_of(data.examples[0]) == [("dog", 0, 0, 100, 40)]


@pytest.mark.parametrize("text", [VOC[:60], "<!DOCTYPE a [<!ENTITY b 'c'>]>" + VOC])
def test_an_annotation_that_is_none_is_told(tmp_path, text):
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations" / "a.xml").write_text(text)
    with pytest.raises(CnnRnnError, match="annotation"):
        readers.load(str(tmp_path))


def table(folder, rows, name="regions.csv"):
    picture(folder / "a.jpg")
    path = folder / name
    path.write_text("image,x,y,width,height,phrase\n" + "\n".join(rows) + "\n")
    return path


def test_ones_own_table(tmp_path):
    path = table(tmp_path, ["a.jpg,10,20,30,40,a  red car", "a.jpg,0,0,5,5,", "a.jpg,1,1,9,9,dog"])
    data = readers.load(str(path))
    assert boxes_of(data.examples[0]) == [("a red car", 10, 20, 40, 60), ("dog", 1, 1, 10, 10)]
    assert data.notes == ["1 regions without words left out"]
    assert data.examples[0].size == (100, 80)
    lines = [json.dumps({"image": "a.jpg", "x": 1, "y": 2, "w": 3, "h": 4, "label": "dog"})]
    (tmp_path / "regions.jsonl").write_text("\n".join(lines))
    data = readers.load(str(tmp_path / "regions.jsonl"))
    assert boxes_of(data.examples[0]) == [("dog", 1, 2, 4, 6)]


@pytest.mark.parametrize(
    "row, reason",
    [
        ("a.jpg,ten,0,5,5,car", "row 1: x is 'ten', not a number"),
        ("a.jpg,nan,0,5,5,car", "not a number"),
        ("a.jpg,,0,5,5,car", "row 1 has no"),
    ],
)
def test_a_table_with_a_bad_cell_is_told(tmp_path, row, reason):
    with pytest.raises(CnnRnnError, match=reason):
        readers.load(str(table(tmp_path, [row])))


def test_the_example_of_the_repository():
    data = readers.load("data/regions.csv")
    assert len(data.examples) == 12 and not data.notes
    assert data.counts["outside"] == data.counts["degenerate"] == 0
    kept, failures = readable(data.examples)
    assert len(kept) == 12 and not failures


def test_the_built_in_world():
    data = readers.load("scenes", limit=3)
    assert [each.split for each in data.examples] == ["train"] * 3 + ["val"] * 3 + ["test"] * 3
    assert data.counts["regions"] == sum(len(each.regions) for each in data.examples)


def test_real_regions(shared_data):
    data = readers.load(str(shared_data / "coco_regions"))
    assert len(data.examples) == 208 and data.counts["regions"] == 2021
    assert not data.notes
    _, failures = readable(data.examples)
    assert not failures


def test_an_unknown_layout_is_told(tmp_path):
    with pytest.raises(CnnRnnError, match="no known layout"):
        readers.load(str(tmp_path))
    with pytest.raises(CnnRnnError, match="no data at"):
        readers.load(str(tmp_path / "nothing"))


def test_what_is_chosen_where_nobody_chose():
    drawn = TrainSettings().resolved(4000, 28_000)
    assert (drawn.backbone, drawn.positive, drawn.epochs, drawn.holdout) == ("scenes", 0.6, 7, 200)
    photos = TrainSettings(data="visual_genome").resolved(77_000, 3_900_000)
    assert (photos.backbone, photos.positive, photos.min_count) == ("mobilenet_v2", 0.7, 15)
    assert drawn.loss_weights == photos.loss_weights == [0.1, 0.05, 0.1, 0.1, 1.0]
    few = TrainSettings(data="photos").resolved(999, 5000)
    assert (few.positive, few.backbone) == (0.5, "mobilenet_v2")
    assert TrainSettings(data="photos", positive=0.7).resolved(50, 300).positive == 0.7
    chosen = TrainSettings(positive=0.5, epochs=2).resolved(50, 300)
    assert (chosen.positive, chosen.epochs, chosen.holdout, chosen.min_count) == (0.5, 2, 5, 1)


# -- what cannot be meant ------------------------------------------------------------------------


def test_boxes_outside_are_cut_and_degenerate_ones_left_out(tmp_path):
    rows = [
        "a.jpg,50,50,90,20,sticks out", "a.jpg,200,10,20,20,far away", "a.jpg,10,10,0,5,no width",
        "a.jpg,10,10,20,20,good", "a.jpg,90,70,10.5,10.5,rounded",
    ]  # fmt: skip
    data = readers.load(str(table(tmp_path, rows)))
    assert [(name, x2) for name, _, _, x2, _ in boxes_of(data.examples[0])] == [
        ("sticks out", 100), ("good", 30), ("rounded", 100),
    ]  # fmt: skip
    assert data.counts == {"regions": 5, "outside": 2, "degenerate": 2}
    data.examples = [Example(**{**vars(each), "split": "train"}) for each in data.examples]
    found = check(data, words_of(data))
    assert any("2 of 5 boxes reach out" in line for line in found.warnings)
    assert any("2 boxes are less than a pixel" in line for line in found.warnings)


@pytest.mark.parametrize(
    "rows, looks_like",
    [
        (["a.jpg,0.1,0.2,0.3,0.4,car"] * 3, "shares"),
        (["a.jpg,50,30,90,70,car", "a.jpg,60,20,95,75,dog", "a.jpg,5,5,99,79,sky"], "corners"),
    ],
)
def test_a_wrong_format_of_boxes_is_detected_and_said(tmp_path, rows, looks_like):
    with pytest.raises(CnnRnnError, match=f"look like {looks_like}"):
        readers.load(str(table(tmp_path, rows)))


def test_boxes_in_pixels_raise_no_doubt(tmp_path):
    rows = ["a.jpg,50,30,40,30,car", "a.jpg,60,20,35,55,dog", "a.jpg,0,0,100,80,sky"]
    assert len(readers.load(str(table(tmp_path, rows))).examples[0].regions) == 3


def test_no_regions_at_all(tmp_path):
    with pytest.raises(CnnRnnError, match="no regions .* 1 boxes are less than a pixel wide"):
        readers.load(str(table(tmp_path, ["a.jpg,10,10,0,0,car"])))
    with pytest.raises(CnnRnnError, match="no regions .* 1 regions without words left out"):
        readers.load(str(table(tmp_path, ["a.jpg,10,10,9,9,"])))


# -- pictures and batches ------------------------------------------------------------------------


def examples(count=5, regions=2):
    found = tuple(
        Region(f"word{n} car", (10.0 * n, 10.0, 10.0 * n + 20, 40.0)) for n in range(regions)
    )
    pictures = np.random.default_rng(0).integers(0, 255, (count, 56, 112, 3)).astype(np.uint8)
    return [
        Example(str(n), Source(f"array {n}", array=pictures[n]), found, "train", (112, 56))
        for n in range(count)
    ]


def batches_of(found, batch=2, **changes) -> RegionBatches:
    tokenizer = Tokenizer("words")
    words = Vocabulary.build(tokenizer(r.phrase) for each in found for r in each.regions)
    limits = {"max_words": 5, "max_regions": 8, **changes}
    return RegionBatches(Pictures(found, Loader("scenes")), words, batch, **limits)


def test_batches_have_one_shape_and_boxes_in_the_networks_pixels():
    batches = batches_of(examples())
    assert batches.steps() == 3
    found = list(batches.epoch(np.random.default_rng(0)))
    assert len(found) == 3
    for inputs, targets in found:
        assert inputs["pictures"].shape == (2, 112, 112, 3)
        assert inputs["boxes"].shape == (2, 2, 4) and inputs["words"].shape == (2, 2, 3)
        assert inputs["real"].all() and list(targets) and targets["captions"].shape == (2,)
        # Twice as high as the picture of 112 x 56.
        assert inputs["boxes"][0].tolist() == [[0, 20, 20, 80], [10, 20, 30, 80]]
        assert (inputs["words"][:, :, 2] == END).all()


def test_an_epoch_shows_every_picture():
    batches = batches_of(examples())
    first = np.stack([each.source.array[0, 0] for each in batches.pictures.examples])
    found = batches.epoch(np.random.default_rng(1))
    shown = np.concatenate([inputs["pictures"][:, 0, 0] for inputs, _ in found])
    assert {tuple(row) for row in first.tolist()} <= {tuple(row) for row in shown.tolist()}


def test_many_regions_of_one_picture_are_drawn():
    batches = batches_of(examples(2, regions=3000), max_regions=8)
    [(inputs, _)] = batches.epoch(np.random.default_rng(0))
    assert inputs["boxes"].shape == (2, 8, 4) and inputs["real"].all()
    [(again, _)] = batches.epoch(np.random.default_rng(1))
    assert not np.array_equal(inputs["boxes"], again["boxes"])


def test_mirrored_pictures_have_mirrored_boxes_unless_a_phrase_says_a_side():
    found = examples(1, 1)
    sided = [Example(**{**vars(found[0]), "regions": (Region("left car", (0, 10, 20, 40)),)})]
    plain = batches_of(found, batch=8, mirror=True)
    [(inputs, _)] = plain.epoch(np.random.default_rng(0))
    turned = inputs["boxes"][:, 0, 0] == 92
    assert 0 < turned.sum() < 8
    original = inputs["pictures"][~turned][0]
    np.testing.assert_array_equal(inputs["pictures"][turned][0], original[:, ::-1])
    [(inputs, _)] = batches_of(sided, batch=8, mirror=True).epoch(np.random.default_rng(0))
    assert (inputs["boxes"][:, 0, 0] == 0).all()


def test_a_picture_that_turns_out_damaged_is_replaced_and_told(tmp_path, capsys):
    found = examples(3)
    path = tmp_path / "cut.jpg"
    picture(path, 112, 56)
    path.write_bytes(path.read_bytes()[:-300])
    found[1] = Example(**{**vars(found[1]), "source": Source("cut.jpg", path)})
    assert len(readable(found)[0]) == 3  # its header is whole
    batches = batches_of(found)
    for _ in range(2):
        shapes = [i["pictures"].shape for i, _ in batches.epoch(np.random.default_rng(0))]
        assert shapes == [(2, 112, 112, 3)] * 2
    assert [name for name, _ in batches.failures] == ["cut.jpg"]
    assert capsys.readouterr().err.count("cut.jpg is cut short or damaged") == 1


# -- boxes that are given ------------------------------------------------------------------------


def test_given_boxes(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text("image,x,y,width,height\na.jpg,1,2,3,4\na.jpg,5,6,7,8\nb.jpg,0,0,1,1\n")
    given = read_boxes(path)
    named = list(given.chosen(None))
    assert [source.path for source, _ in named] == [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    assert named[0][1].tolist() == [[1, 2, 4, 6], [5, 6, 12, 14]]
    [(source, boxes)] = given.chosen(expand(["folder/b.jpg"]))
    assert source.name == "folder/b.jpg" and boxes.tolist() == [[0, 0, 1, 1]]
    [(source, _)] = given.chosen(expand(["c.jpg"]))
    assert "has no box for c.jpg" in source.problem


def test_given_boxes_for_every_picture(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text("x,y,width,height\n1,2,3,4\n")
    given = read_boxes(path)
    assert [boxes.tolist() for _, boxes in given.chosen(expand(["a.jpg", "b.jpg"]))] == [
        [[1, 2, 4, 6]]
    ] * 2
    with pytest.raises(CnnRnnError, match="names no pictures"):
        list(given.chosen(None))


@pytest.mark.parametrize(
    "text, reason",
    [("x,y,width,height\n", "no boxes"), ("x,y,width,height\n1,2,wide,4\n", "not a number")],
)
def test_bad_given_boxes_are_told(tmp_path, text, reason):
    path = tmp_path / "boxes.csv"
    path.write_text(text)
    with pytest.raises(CnnRnnError, match=reason):
        read_boxes(path)
    path.rename(tmp_path / "boxes.doc")
    with pytest.raises(CnnRnnError, match="no table of boxes"):
        read_boxes(tmp_path / "boxes.doc")
    with pytest.raises(CnnRnnError, match="no file .*boxes.csv"):
        read_boxes(path)
