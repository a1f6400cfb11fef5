"""`cnnrnn densecap` as a person calls it: one small training, and what it makes of bad input."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
from densecap_helpers import SMALL, call, lines, write_data

from cnnrnn import scenes
from cnnrnn.densecap.describer import DenseCaptioner, DescribeSettings
from cnnrnn.media import images
from cnnrnn.media.sources import as_source
from cnnrnn.regions.boxes import from_inclusive, to_sized
from cnnrnn.text.vocabulary import END
from cnnrnn.training.run import Run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with pictures of scenes and a table of their regions."""
    folder = tmp_path_factory.mktemp("place")
    write_data(folder)
    return folder


@pytest.fixture(autouse=True)
def inside(place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("CNNRNN_CACHE", str(place / "cache"))


def train(*more: str) -> int:
    data = ["--data", "regions.csv", "--backbone", "scenes"]
    return call("train", *data, *SMALL, "--epochs", 2, *more)


@pytest.fixture(scope="module")
def run(place):
    """One finished run, `runs/densecap/first`."""
    before = os.getcwd()
    os.chdir(place)
    try:
        assert train("--name", "first") == 0
    finally:
        os.chdir(before)
    return Run.open(place / "runs/densecap/first", "densecap")


# -- training ------------------------------------------------------------------------------------


def test_a_run_holds_all_that_it_promises(run):
    names = {path.name for path in run.path.iterdir()}
    assert names >= {
        "config.json", "command.txt", "log.csv", "best.keras", "last.keras", "state.json",
        "vocabulary.json", "metrics.json", "report.html", "familiarity.npz", "MODEL_CARD.md",
    }  # fmt: skip
    row = run.log()[-1]
    for name in ("proposal_objectness", "proposal_boxes", "final_objectness", "final_boxes"):
        assert row[f"{name}_loss"] > 0 and row[f"val_{name}_loss"] > 0
    weights = run.config["loss_weights"]
    parts = [
        row[f"{name}_loss"]
        for name in (
            "proposal_objectness", "proposal_boxes", "final_objectness", "final_boxes", "captions",
        )
    ]  # fmt: skip
    assert row["loss"] == pytest.approx(np.dot(weights, parts), rel=1e-4)
    assert run.log()[0]["loss"] > row["loss"]
    page = (run.path / "report.html").read_text()
    assert "95 % bootstrap over pictures" in page and "compared by " in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--name", "first"], "exists already"),
        (["--weights", "nope.h5"], "no weights nope.h5"),
        (["--holdout", "24"], "24 are to be kept aside"),
        (["--loss-weights", "1,2"], "loss_weights are [1.0, 2.0]"),
        (["--loss-weights", "0,0,0,0,0"], "loss_weights are [0.0, 0.0, 0.0, 0.0, 0.0]"),
        (["--loss-weights", "1,1,inf,1,1"], "loss_weights are [1.0, 1.0, inf, 1.0, 1.0]"),
        (["--loss-weights", "a,b"], "--loss-weights 'a,b'"),
        (["--positive", "0.2"], "negative is 0.3 and positive 0.2"),
        (["--sample", "1"], "sample is 1 box"),
        (["--sample", "5000"], "5000 boxes cannot be drawn of the 2352 that are proposed"),
        (["--image-size", "300"], "sees regions at 112 pixels, not 300"),
    ],
)
def test_what_cannot_be_meant_is_one_line_before_any_work(run, capsys, options, message):
    assert train(*options) in (1, 2)
    said = capsys.readouterr().err.strip()
    assert message in said and "\n" not in said


def test_the_data_can_be_checked_alone(run, capsys):
    assert train("--dry-run") == 0
    said = capsys.readouterr().err
    assert "regions  " in said and "estimate" in said


# -- prediction ----------------------------------------------------------------------------------


def test_predict_tells_boxes_and_phrases(run, capsys):
    assert call("predict", "0.jpg", "scenes:3", "--run", run.path, "--json") == 0
    found = lines(capsys)
    assert [each["source"] for each in found] == ["0.jpg", "scenes:3"]
    for each in found:
        assert each["size"] == [112, 112] and 0 <= len(each["regions"]) <= 10
        for region in each["regions"]:
            x1, y1, x2, y2 = region["box"]
            assert 0 <= x1 <= x2 <= 112 and 0 <= y1 <= y2 <= 112 and region["score"] >= 0.1
        assert set(each["seconds"]) >= {"look", "propose", "recognise"}


def test_no_more_regions_than_were_asked_for(run, capsys):
    found = []
    for count in (1, 3):
        arguments = ["0.jpg", "--run", run.path, "--json", "--least", "0"]
        assert call("predict", *arguments, "--max-regions", count) == 0
        found.append(lines(capsys)[0]["regions"])
    assert [len(each) for each in found] == [1, 3]
    assert found[0][0]["box"] == found[1][0]["box"]  # the surest one
    scores = [region["score"] for region in found[1]]
    assert scores == sorted(scores, reverse=True)


def test_a_picture_of_another_world_is_called_strange(run, place, capsys):
    grey = np.random.default_rng(0).integers(0, 255, (112, 112, 3)).astype(np.uint8)
    images.save(place / "noise.png", grey)
    assert call("predict", "noise.png", "1.jpg", "--run", run.path, "--json") == 0
    said = capsys.readouterr()
    assert [json.loads(line)["familiar"] for line in said.out.splitlines()] == [False, True]
    assert said.err.count("is unlike the pictures of regions.csv") == 1


def test_predict_writes_pictures_and_the_viewers_file(run, place, capsys):
    arguments = ["0.jpg", "missing.jpg", "--run", run.path, "-o", "told", "--least", "0"]
    assert call("predict", *arguments) == 1
    said = capsys.readouterr()
    assert "missing.jpg does not exist" in said.err and "phrase" in said.out
    content = json.loads((place / "told" / "results.json").read_text())
    [entry] = content["results"]
    assert (place / "told" / entry["img_name"]).exists() and (place / "told" / "0.jpg").exists()
    assert set(entry) == {"img_name", "boxes", "scores", "captions"}
    assert content["opt"]["proposals"] == 300
    assert len(entry["boxes"]) == len(entry["captions"]) == len(entry["scores"]) > 0
    assert all(x + w <= 113 and y + h <= 113 for x, y, w, h in entry["boxes"])


def test_boxes_of_ones_own_are_told_in_their_order(run, capsys):
    arguments = ["--boxes", "regions.csv", "--run", run.path, "--json", "--limit", "2"]
    assert call("predict", *arguments) == 0
    found = lines(capsys)
    regions = scenes.regions(scenes.scene("train", 0))
    assert len(found) == 2 and len(found[0]["regions"]) == len(regions)
    for told, region in zip(found[0]["regions"], regions, strict=True):
        np.testing.assert_allclose(told["box"], region.box, atol=0.02)


def test_a_given_box_outside_is_one_line(run, place, capsys):
    (place / "out.csv").write_text("image,x,y,width,height\n0.jpg,500,0,10,10\n")
    assert call("predict", "--boxes", "out.csv", "--run", run.path) == 1
    said = capsys.readouterr().err
    assert "box 1 has no area in 0.jpg (112 x 112)" in said


def test_a_time_budget_tells_at_least_the_surest(run, capsys):
    arguments = ["0.jpg", "--run", run.path, "--json", "--least", "0"]
    assert call("predict", *arguments, "--time-budget", "0.000001") == 0
    [hurried] = lines(capsys)
    assert 0 < len(hurried["regions"]) <= 16
    assert all("phrase" in region for region in hurried["regions"])


def test_a_reduced_photo_has_boxes_in_its_own_pixels(run, tmp_path, capsys):
    """A large JPEG is decoded reduced; what is told is in pixels of the file."""
    large = images.resize(scenes.render(scenes.scene("train", 0)), (896, 1344))
    images.save(tmp_path / "large.jpg", large)
    describer = DenseCaptioner.load(run.path)
    settings = DescribeSettings(max_regions=5)
    [found] = describer.describe([tmp_path / "large.jpg"], settings)
    [whole] = describer.describe([large], settings)
    assert found.size == whole.size == (1344, 896)
    largest = np.max([region.box for region in found.regions], axis=0)
    assert largest[2] > 200


def test_a_region_is_as_sure_as_both_looks_at_it(run):
    describer, source = DenseCaptioner.load(run.path), as_source("0.jpg")
    seen = describer.candidates(source, DescribeSettings(proposals=5))
    found, grid, _ = describer._seen(source, source.read())
    boxes, first = describer._proposed(grid, 5, found)
    _, second, _ = describer._closer(grid, boxes)
    both = [1 / (1 + np.exp(-logits.astype(float))) for logits in (first, second)]
    np.testing.assert_allclose(seen.scores, np.sqrt(both[0] * both[1]), rtol=1e-5)


def test_find_looks_for_a_phrase_in_words_that_it_knows(run, capsys):
    arguments = ["0.jpg", "1.jpg", "--run", run.path, "--json"]
    assert call("find", "a blue box", *arguments, "--places", "2") == 0
    found = lines(capsys)
    assert [each["source"] for each in found] == ["0.jpg", "1.jpg"]
    assert all(1 <= len(each["places"]) <= 2 for each in found)
    assert call("find", "a blue box", *arguments, "--best") == 0
    scores = [each["places"][0]["score"] for each in lines(capsys)]
    assert scores == sorted(scores, reverse=True)
    assert call("find", "a zebra", *arguments) == 2
    assert "does not know 'zebra'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict"], "no pictures"),
        (["predict", "0.jpg", "--font", "x.ttf"], "--font is of the annotated pictures"),
        (["predict", "--boxes", "regions.csv", "--time-budget", "1"], "leaves regions out"),
        (["predict", "--boxes", "regions.csv", "--max-regions", "2"], "--max-regions leaves"),
        (["predict", "--boxes", "regions.csv", "--least", "0.1"], "--least leaves regions out"),
        (["predict", "0.jpg", "--time-budget", "0"], "a time budget of 0.0 s"),
        (["evaluate", "--predictions", "x.json", "--overlap", "0.5"], "does not go with"),
        (["evaluate", "--format", "coco"], "--format is the layout of --data"),
    ],
)
def test_options_that_do_not_go_together(capsys, arguments, message):
    assert call(*arguments) == 2
    said = capsys.readouterr().err.strip()
    assert message in said and "\n" not in said


# -- export --------------------------------------------------------------------------------------


def test_export_says_the_same(run, place, capsys):
    assert call("export", "--run", run.path, "-o", "exported") == 0
    assert "outputs agree to" in capsys.readouterr().err
    names = {path.name for path in (place / "exported").iterdir()}
    assert names == {"model.keras", "vocabulary.json", "config.json"}
    assert call("export", "--run", run.path, "-o", "exported") == 2
    assert "exported exists already" in capsys.readouterr().err


def test_a_saved_model_is_asked_in_three_steps_and_says_what_the_run_says(run, place):
    """Without anything of this package, as another program does it."""
    tf = pytest.importorskip("tensorflow")
    arguments = ["--run", run.path, "-o", "served", "--as", "saved-model"]
    assert call("export", *arguments) == 0
    served = tf.saved_model.load(str(place / "served" / "saved_model"))
    picture = scenes.render(scenes.scene("train", 0))
    first = served.propose({"pictures": tf.constant(picture[None])})
    boxes = first["boxes"][:, :4]
    second = served.recognise({"grid": first["grid"], "boxes": boxes})
    numbers = served.speak({"codes": second["codes"][0]})["words"].numpy()

    describer = DenseCaptioner.load(run.path)
    expected = describer.describe_boxes(picture, boxes.numpy()[0])
    words = describer.vocabulary.words
    for row, region, score in zip(
        numbers, expected.regions, second["scores"].numpy()[0], strict=True
    ):
        spoken = [words[number] for number in row]
        spoken = spoken[: spoken.index(words[END])] if words[END] in spoken else spoken
        assert " ".join(spoken) == region.phrase
        assert 1 / (1 + np.exp(-score)) == pytest.approx(region.score, abs=1e-4)


# -- evaluation ----------------------------------------------------------------------------------


def test_evaluate_scores_a_run_and_its_file_alike(run, place, capsys):
    arguments = ["--run", run.path, "--json", "-o", "found.json"]
    assert call("evaluate", *arguments) == 0
    first, baseline = lines(capsys)
    assert first["name"] == "regions" and first["pictures"] == 2
    assert baseline["name"] == "whole picture" and baseline["predictions"] == 2
    key = "map" if first["language"] == "METEOR" else "map_StemMatch"
    assert first["language"] in first and baseline["language"] == first["language"]
    low, high = first["intervals"][key]
    assert 0 <= low <= first[key] <= high
    data = ["--data", "regions.csv", "--split", "test", "--json"]
    assert call("evaluate", *data, "--predictions", "found.json") == 0
    [again] = lines(capsys)
    assert again["detmap"] == pytest.approx(first["detmap"], abs=0.01)
    assert again["predictions"] == first["predictions"]


def test_a_picture_that_the_file_leaves_out_counts_as_one_in_which_nothing_was_found(
    run, place, capsys
):
    assert call("evaluate", "--run", run.path, "--no-baselines", "-o", "all.json") == 0
    content = json.loads((place / "all.json").read_text())
    assert len(content) == 2
    scores = []
    for name, rest in (("empty.json", [{**content[1], "regions": []}]), ("part.json", [])):
        (place / name).write_text(json.dumps(content[:1] + rest))
        capsys.readouterr()
        data = ["--data", "regions.csv", "--split", "test", "--json"]
        assert call("evaluate", *data, "--predictions", name) == 0
        said = capsys.readouterr()
        scores.append(json.loads(said.out))
        left_out = "1 of 2 pictures have no prediction" in said.err
        assert left_out == (name == "part.json")
    assert scores[0] == scores[1] and scores[0]["pictures"] == 2


def golden(shared_data, folder):
    """The reference as Visual Genome's files and a file of predictions."""
    content = json.loads((shared_data / "reference/densecap/map_golden_coco.json").read_text())
    truths, found = [], []
    for each in content["images"]:
        sized = to_sized(from_inclusive(np.reshape(each["gt_boxes"], (-1, 4)))).tolist()
        regions = [
            dict(zip(("x", "y", "width", "height"), box, strict=True), phrase=text)
            for box, text in zip(sized, each["gt_captions"], strict=True)
        ]
        truths.append({"id": each["id"], "regions": regions})
        boxes = from_inclusive(np.reshape(each["boxes"], (-1, 4))).tolist()
        rows = zip(boxes, each["scores"], each["captions"], strict=True)
        regions = [{"box": b, "score": s, "phrase": t} for b, s, t in rows]
        found.append({"image": each["id"], "regions": regions})
    (folder / "region_descriptions.json").write_text(json.dumps(truths))
    (folder / "found.json").write_text(json.dumps(found))
    return content["expected"]["clean"]


@pytest.mark.skipif(shutil.which("java") is None, reason="METEOR needs Java")
def test_the_reference_through_the_command(shared_data, tmp_path, capsys):
    expected = golden(shared_data, tmp_path)
    data = ["--data", tmp_path, "--split", "all", "--predictions", tmp_path / "found.json"]
    assert call("evaluate", *data, "--json") == 0
    [scores] = lines(capsys)
    assert scores["map"] == pytest.approx(expected["map"], abs=1e-3)
    assert scores["detmap"] == pytest.approx(expected["detmap"], abs=1e-3)
    assert scores["truths"] == expected["npos"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "not a list of pictures"),
        ([{"image": "0.jpg"}], "entry 1 has no image or no list of regions"),
        ([{"image": "0.jpg", "regions": None}], "entry 1 has no image or no list of regions"),
        ([{"image": "0.jpg", "regions": [{"box": [1, 2, 3]}]}], "a region without box or score"),
        ([{"image": "x.jpg", "regions": []}], "no entry"),
        ([{"image": "0.jpg", "regions": []}] * 2, "has 0.jpg twice"),
        (
            [{"image": "0.jpg", "regions": [{"box": [0, 0.1, 0.5, 1], "score": 1}]}],
            "look like shares of the picture's sides",
        ),
    ],
)
def test_predictions_that_are_none(place, capsys, content, message):
    (place / "bad.json").write_text(json.dumps(content))
    data = ["--data", "regions.csv", "--split", "all", "--predictions", "bad.json"]
    assert call("evaluate", *data) == 1
    said = capsys.readouterr().err.strip()
    assert message in said and "\n" not in said


def test_predictions_that_are_not_there_are_told_before_the_data_is_read(capsys):
    assert call("evaluate", "--data", "nope", "--predictions", "none.json") == 1
    assert "no file none.json" in capsys.readouterr().err


def test_runs_lists_the_run(run, capsys):
    assert call("runs", "--json") == 0
    assert lines(capsys)[0]["metric"] == "val_map_StemMatch"
