"""The model card: what it says of a run, whatever its data and weights were."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from cnnrnn.training.card import CARD, Purpose, write_card
from cnnrnn.training.run import Run
from cnnrnn.training.run_report import close, opened

PURPOSE = Purpose("It does a thing.", "pictures", "pictures", ("It has 7 words.",), "cnnrnn x")
BUILT_IN = {
    "data": "scenes", "model": "attention", "backbone": "scenes", "weights": "auto", "seed": 3,
    "data_fingerprint": "f00d", "usable_pictures": 12_345, "scenes_version": 1,
}  # fmt: skip
OWN = {key: value for key, value in BUILT_IN.items() if key != "scenes_version"} | {
    "data": "/home/somebody/mine|yours.csv", "backbone": "vgg16", "usable_pictures": 40,
}  # fmt: skip


class Model:
    def count_params(self):
        return 1_234


def written(folder: Path, config: dict) -> str:
    """The card of such a run."""
    run = Run.create(folder, "caption", None, config)
    run.finish("val_CIDEr", 0.51234, 4, {"CIDEr": 0.5})
    rows = [["captioner", 0.5, None], ["nearest neighbour", 0.25, 0.1]]
    write_card(run, Model(), PURPOSE, ["CIDEr", "METEOR"], rows, "9 pictures kept aside")
    return (run.path / CARD).read_text(encoding="utf-8")


def test_it_says_what_was_reached_and_on_what(tmp_path):
    text = written(tmp_path, BUILT_IN)
    for part in (
        "# Model card: `cnnrnn caption`, attention",
        "| parameters of best.keras | 1,234 |",
        "| data | scenes, the built-in world (scenes version 1) |",
        "| pictures | 12,345, with those that were kept aside |",
        "| fingerprint of the data | f00d |",
        "| captioner | 0.500 | – |",
        "On 9 pictures kept aside; seed 3, one training. The epoch, 4, was chosen by `val_CIDEr`, "
        "0.5123 there.",
        "- It has 7 words.",
        "    cnnrnn x --run FOLDER",
        "| keras | ",
    ):
        assert part in text


def test_a_run_on_the_built_in_world(tmp_path):
    text = written(tmp_path, BUILT_IN)
    assert "MIT licence" in text and "drawn pictures only" in text
    assert "ImageNet" not in text and "small" not in text


def test_a_run_on_data_of_ones_own(tmp_path):
    text = written(tmp_path, OWN)
    assert "licence of the data is the owner's: see there" in text and "MIT" not in text
    assert "ImageNet" in text and "Its data is small" in text and "drawn" not in text
    assert "mine\\|yours.csv" in text and "somebody" not in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weights": "/w/vgg16.h5"}, "weights of the backbone came in a file"),
        ({"features": "f.npz", "backbone": None}, "features came in a file"),
        ({"embeddings": "/w/glove.txt"}, "word vectors came in a file"),
        ({"init": "/runs/one"}, "began with the weights of another run"),
    ],
)
def test_what_was_borrowed_is_said(tmp_path, changes, said):
    text = written(tmp_path, OWN | changes)
    assert said in text and "/" + "w/" not in text


def test_random_weights_are_nobodys(tmp_path):
    assert "ImageNet" not in written(tmp_path, OWN | {"weights": "random"})


def test_the_report_leads_to_it(tmp_path):
    run = Run.create(tmp_path, "caption", None, BUILT_IN)
    run.finish("val_CIDEr", 0.5, 4)
    close(opened(run, "Captions", []), run, ())
    assert f'<a href="{CARD}">{CARD}</a>' in (run.path / "report.html").read_text()


@pytest.mark.parametrize("task", ["caption", "densecap", "video_classify", "vqa"])
def test_every_starter_has_one(task):
    starter = Path(import_module(f"cnnrnn.{task}").__file__).parent / "starter"
    text = (starter / CARD).read_text(encoding="utf-8")
    config = Run.open(starter).config
    assert f"# Model card: `cnnrnn {config['task']}`, {config['model']}" in text
    assert config["data_fingerprint"] in text and "MIT licence" in text
    assert "the test split of the built-in world" in text
