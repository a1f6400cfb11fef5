"""Captioners compared: the figures by hand, the claims, and one small comparison that goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from caption_helpers import call, write_data

from cnnrnn.caption import claims
from cnnrnn.caption.compare import _scored
from cnnrnn.caption.compare_plan import VARIANTS, plan
from cnnrnn.caption.compare_report import show, write_page
from cnnrnn.caption.compare_results import FACTS, OWN, SHUFFLED, Result, Table
from cnnrnn.caption.data import Example, load
from cnnrnn.caption.settings import TrainSettings
from cnnrnn.caption.telling import facts_told
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media.sources import Source
from cnnrnn.scenes import clips
from cnnrnn.text import word2vec
from cnnrnn.training.comparison import Claim, close, comparison_folder

IDS = [str(number) for number in range(40)]


def result(model: str, mean: float, seed: int = 0, shuffled: float | None = 0.0) -> Result:
    """CIDEr around a mean, of a model whose captions of other pictures have `shuffled`."""
    noise = np.random.default_rng(7).normal(0, 0.1, len(IDS))
    values = {OWN: mean + noise - noise.mean()}
    if shuffled is not None:
        values[SHUFFLED] = np.full(len(IDS), shuffled)
    return Result(model, seed, IDS, values, {"Bleu_4": mean / 2}, 3.5, 20, 0.5, 2.0, 4.0, 100)


def test_the_figures_of_a_model_by_hand():
    table = Table("data", [result("attention", 0.4), result("attention", 0.6, seed=1)])
    row = table.rows["attention"]
    assert row[OWN].value == pytest.approx(0.5) and row["Bleu_4"] == pytest.approx(0.25)
    assert row["METEOR"] is None and row["words"] == 20 and row["seeds"] == 2
    assert table.lost("attention").value == pytest.approx(0.5)


def test_a_result_is_read_as_it_was_written():
    found = Result.from_json(json.loads(json.dumps(result("merge", 0.4).as_json())))
    np.testing.assert_allclose(found.values[OWN], result("merge", 0.4).values[OWN], atol=1e-5)
    for damage in ({}, {"values": {OWN: [1.0]}}, {"values": 3}):
        with pytest.raises(CnnRnnError, match="these are no captions"):
            Result.from_json(result("merge", 0.4).as_json() | damage if damage else [])


def verdicts(*results: Result) -> dict[str, bool | None]:
    return {each.text: each.held for each in claims.claims(Table("data", results))}


def test_claims_are_held_by_their_intervals():
    found = verdicts(
        result("attention", 0.5), result("inject-init", 0.3), result("no-clipping", 0.5),
        result("human", 0.9, shuffled=None),
    )  # fmt: skip
    assert found["attention beats one vector for the whole picture"] is True
    assert found["clipping gradients helps"] is False
    assert found["pretrained word vectors help"] is None
    assert found["captions are of their pictures: beside others they lose"] is True
    blind = verdicts(result("attention", 0.5), result("merge", 0.4, shuffled=0.4))
    assert blind["captions are of their pictures: beside others they lose"] is False


def test_clips_have_the_claims_that_clips_can_tell_something_of():
    table = Table("clips", [result("clip-lstm", 0.5), result("clip-mean", 0.4)], "clips")
    assert {each.text: each.held for each in claims.claims(table)} == {
        "the order of frames tells something": True,
        "a clip tells more of the facts than one frame": None,
        "captions are of their clips: beside others they lose": True,
    }


def test_depth_is_compared_only_where_a_deeper_cnn_was_named():
    text = "a deeper CNN helps more than a deeper RNN"
    base = [result("attention", 0.4), result("two-layers", 0.42)]
    assert verdicts(*base)[text] is None
    assert verdicts(*base, result("deeper-cnn", 0.6))[text] is True
    assert verdicts(*base, result("deeper-cnn", 0.41))[text] is False


def knowing(found: Result, facts: float) -> Result:
    """The same, telling that share of the facts."""
    found.values[FACTS] = facts + np.resize([-0.1, 0.1], len(IDS))
    return found


def test_a_clip_is_compared_with_one_frame_by_the_facts_that_are_told():
    text = "a clip tells more of the facts than one frame"
    clip, frame = result("clip-lstm", 0.3), result("one-frame", 0.5)
    assert verdicts(clip, frame)[text] is None  # nothing is known of such clips
    assert verdicts(knowing(clip, 0.6), knowing(frame, 0.4))[text] is True
    assert verdicts(knowing(clip, 0.4), knowing(frame, 0.4))[text] is False
    table = Table("clips", [knowing(clip, 0.6)])
    assert table.rows["clip-lstm"][FACTS].value == pytest.approx(0.6)


def test_facts_that_captions_tell_by_hand():
    clip = clips.clip("test", 0)
    examples = [
        Example(name, Source(name, clip=("test", 0)), ("x",), "test") for name in ("a", "b", "c")
    ]
    facts = 1 + 2 * len({(each.kind, each.colour) for each in clip.scene.things})
    texts = {
        "a": clips.captions(clip)[0], "b": f"a {clip.colour} {clip.kind}", "c": "nothing at all",
    }  # fmt: skip
    found = facts_told(examples, texts)
    assert found[0] >= 2 / facts and found[1] == pytest.approx(2 / facts) and found[2] == 0
    own = Example("own", Source("own", Path("own.jpg")), ("a dog",), "test")
    assert facts_told([*examples, own], texts | {"own": "a dog"}) is None


def test_other_pictures_get_no_caption_of_their_own():
    examples = [
        Example(str(n), Source(str(n)), (f"a {word} {word} sits",), "test")
        for n, word in enumerate(("dog", "cat", "car", "house", "tree"))
    ]
    texts = {each.id: each.captions[0] for each in examples}
    found = _scored("attention", examples, texts, "words")
    assert (found.values[OWN] > 5).all() and (found.values[SHUFFLED] < 5).all()


def test_the_column_says_where_meteor_needs_java(capsys, tmp_path):
    without = result("merge", 0.4)
    without.scores = {"Bleu_4": 0.2, "StemMatch": 0.3, "ROUGE_L": 0.4}
    table = Table("scenes", [without])
    show(table, [], json=False)
    assert "StemMatch (METEOR needs Java)" in capsys.readouterr().out.splitlines()[1]
    write_page(tmp_path / "report.html", table, [], quick=False)
    assert "StemMatch (METEOR needs Java)" in (tmp_path / "report.html").read_text()


@pytest.fixture
def gensim(monkeypatch):
    """As if gensim were installed: a plan trains nothing."""
    monkeypatch.setattr(word2vec, "check_installed", lambda: None)


def test_plans(gensim):
    found = plan(TrainSettings(), ["merge", "vectors"], None, quick=True, deeper="vgg16")
    assert found.variants == ("merge", "vectors", "deeper-cnn") and found.seeds == 1
    assert found.base.limit == 320
    settings = found.settings("vectors", 3)
    assert (settings.model, settings.output, settings.seed) == ("attention", "vectors", 3)
    assert found.settings("deeper-cnn", 0).backbone == "vgg16"
    alone = plan(TrainSettings(), None, None, quick=False).variants
    beside = plan(TrainSettings(), None, None, quick=False, deeper="vgg16").variants
    assert set(beside) - set(alone) == {"two-layers", "deeper-cnn"}
    full = plan(TrainSettings(), ["merge"], 2, quick=False)
    assert full.seeds == 2 and (full.base.limit, full.base.epochs, full.base.batch) == (800, 6, 8)
    assert plan(TrainSettings(data="own.csv"), None, None, quick=False).base.limit is None
    clips = plan(TrainSettings(data="clips", model="clip-lstm"), None, None, quick=True)
    assert clips.settings("one-frame", 0).frames == 1
    assert set(clips.variants) == {"clip-lstm", "clip-mean", "one-frame"}
    assert (clips.base.limit, clips.base.epochs) == (600, 12)
    with pytest.raises(UsageError, match="no model 'lstm' to compare"):
        plan(TrainSettings(), ["lstm"], None, quick=False)


def test_every_variant_can_be_meant(gensim):
    everything = plan(TrainSettings(), list(VARIANTS), 1, quick=False)
    for variant in VARIANTS:
        everything.settings(variant, 0).resolved(100, 500)


SMALL = ("--seeds", "1", "--limit", "12", "--hidden", "8", "--embedding", "8", "--batch", "4")


def compared(models: str, *options: str) -> int:
    return call("caption", "compare", "--models", models, *SMALL, *options)


@pytest.mark.slow
def test_a_comparison_that_was_interrupted_in_its_third_model_goes_on_there(
    tmp_path, monkeypatch, capsys
):
    from cnnrnn.training import fit

    monkeypatch.chdir(tmp_path)
    models, told = "inject-init,merge,inject", ["inject-init", "merge", "inject"]
    whole, epochs, finished = fit._train_epoch, [], {}

    def counted(model, *more):
        epochs.append(type(model).__name__)
        if len(epochs) == 6 and not finished:  # two epochs each: the second of the third model
            raise KeyboardInterrupt
        return whole(model, *more)

    monkeypatch.setattr(fit, "_train_epoch", counted)
    assert compared(models, "--epochs", "2") == 130
    assert "stopped; 1 epochs are saved (the same command again" in capsys.readouterr().err
    finished |= {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*-0/judged.json")}
    assert [path.parent.name for path in sorted(finished)] == ["inject-init-0", "merge-0"]
    epochs.clear()
    assert compared(models, "--epochs", "2", "--json") == 0
    assert epochs == ["Inject"]
    assert all(path.stat().st_mtime_ns == then for path, then in finished.items())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["model"] for line in lines if "model" in line] == [
        *told, "nearest neighbour", "most frequent caption", "human",
    ]  # fmt: skip
    folder = tmp_path / "runs/compare/caption-scenes"
    assert (folder / "report.html").exists()

    # Named one by one, they are what they were in the comparison.
    runs = ",".join(str(folder / "caption" / f"{each}-0") for each in told)
    assert call("caption", "compare", "--runs", runs, "--json") == 0
    again = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["model"] for line in again if "model" in line][:3] == told


@pytest.mark.slow
def test_a_training_that_diverges_is_left_out(tmp_path, monkeypatch, capsys):
    from cnnrnn.training import fit

    monkeypatch.chdir(tmp_path)
    whole = fit._train_epoch

    def diverging(model, *more):
        if type(model).__name__ == "Merge":
            raise fit.Diverged("the loss became nan in epoch 1, step 1")
        return whole(model, *more)

    monkeypatch.setattr(fit, "_train_epoch", diverging)
    assert compared("merge,inject", "--epochs", "1", "--json") == 1
    said = capsys.readouterr()
    assert "merge, seed 0 is left out: the loss became nan in epoch 1, step 1" in said.err
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert next(line["model"] for line in lines if "model" in line) == "inject"


@pytest.mark.slow
def test_a_test_picture_that_cannot_be_read_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_data(tmp_path, 8, 3)
    (tmp_path / "9.jpg").write_text("no picture")
    own = ("--data", "captions.csv", "--backbone", "scenes", "--holdout", "2", "--epochs", "1")
    assert compared("merge", *own, "--json") == 1
    assert "9.jpg" in capsys.readouterr().err


def test_what_cannot_be_compared_is_found_out_before_anything_is_trained(monkeypatch):
    with pytest.raises(UsageError, match="no backbone 'vgg99'"):
        plan(TrainSettings(), ["merge"], 1, quick=False, deeper="vgg99")
    own = TrainSettings(data="own.csv", weights="w.h5")
    found = plan(own, ["merge"], 1, False, "resnet101", "deep.h5")
    assert found.settings("deeper-cnn", 0).weights == "deep.h5"
    assert found.settings("merge", 0).weights == "w.h5"
    with pytest.raises(UsageError, match="scenes has 6 layers, and mobilenet_v2 has 52"):
        plan(own, ["merge"], 1, quick=False, deeper="scenes")
    with pytest.raises(UsageError, match="are those of --deeper"):
        plan(own, ["merge"], 1, quick=False, deeper_weights="w.h5")
    monkeypatch.setitem(sys.modules, "gensim", None)
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(CnnRnnError, match="needs gensim"):
        plan(TrainSettings(), ["merge", "word2vec"], 1, quick=False)


def test_weights_that_a_deeper_net_lacks_are_missed_before_the_first_training(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert compared("merge", "--deeper", "mobilenet_v2", "--deeper-weights", "gone.h5") == 1
    assert "gone.h5" in capsys.readouterr().err
    assert not list(tmp_path.glob("runs/compare/*"))  # the same with better weights may follow


def test_a_comparison_belongs_to_its_data_and_options(tmp_path):
    few, more = (load("scenes", limit=limit) for limit in (1, 2))
    for _ in range(2):
        comparison_folder(tmp_path, "own", {"base": 1}, [few])
    with pytest.raises(CnnRnnError, match="on data that has changed since"):
        comparison_folder(tmp_path, "own", {"base": 1}, [more])
    with pytest.raises(CnnRnnError, match="with other options"):
        comparison_folder(tmp_path, "own", {"base": 2}, [few])


def test_claims_that_nothing_tested_are_not_counted_as_lost(tmp_path, capsys):
    verdicts = [True, False, None, None]
    close(tmp_path, 3, [Claim("it helps", held, "") for held in verdicts])
    assert "3 trainings, 1 of 2 claims held, 2 not tested" in capsys.readouterr().err
