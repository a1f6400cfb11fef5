"""Captioners compared: the figures by hand, the claims, and one small comparison that goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cnnrnn.caption import claims
from cnnrnn.caption.compare import VARIANTS, _scored, plan
from cnnrnn.caption.compare_results import FACTS, OWN, SHUFFLED, Result, Table
from cnnrnn.caption.data import Example
from cnnrnn.caption.settings import TrainSettings
from cnnrnn.caption.telling import facts_told
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media.sources import Source
from cnnrnn.scenes import clips

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
    row = table.row("attention")
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
    assert table.row("clip-lstm")[FACTS].value == pytest.approx(0.6)


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


def test_plans():
    found = plan(TrainSettings(), ["merge", "vectors"], None, quick=True, deeper="vgg16")
    assert found.variants == ("merge", "vectors", "deeper-cnn") and found.seeds == 1
    assert found.base.limit == 400
    settings = found.settings("vectors", 3)
    assert (settings.model, settings.output, settings.seed) == ("attention", "vectors", 3)
    assert found.settings("deeper-cnn", 0).backbone == "vgg16"
    alone = plan(TrainSettings(), None, None, quick=True).variants
    beside = plan(TrainSettings(), None, None, quick=True, deeper="vgg16").variants
    assert set(beside) - set(alone) == {"two-layers", "deeper-cnn"}
    full = plan(TrainSettings(), ["merge"], 2, quick=False)
    assert full.seeds == 2 and (full.base.limit, full.base.epochs, full.base.batch) == (800, 6, 8)
    assert plan(TrainSettings(data="own.csv"), None, None, quick=False).base.limit is None
    clips = plan(TrainSettings(data="clips", model="clip-lstm"), None, None, quick=True)
    assert clips.settings("one-frame", 0).frames == 1
    assert set(clips.variants) == {"clip-lstm", "clip-mean", "one-frame"}
    with pytest.raises(UsageError, match="no model 'lstm' to compare"):
        plan(TrainSettings(), ["lstm"], None, quick=False)


def test_every_variant_can_be_meant():
    everything = plan(TrainSettings(), list(VARIANTS), 1, quick=False)
    for variant in VARIANTS:
        everything.settings(variant, 0).resolved(100, 500)


@pytest.mark.slow
def test_a_comparison_goes_on_where_it_was_interrupted(tmp_path, monkeypatch, capsys):
    from cnnrnn.caption import compare as comparison
    from cnnrnn.cli import main

    monkeypatch.chdir(tmp_path)
    trained = []
    once = comparison.training.train

    def counted(settings, **more):
        trained.append(settings.model)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return once(settings, **more)

    def call() -> int:
        with pytest.raises(SystemExit) as stopped:
            main([
                "caption", "compare", "--models", "inject-init,merge", "--seeds", "1", "--limit",
                "12", "--epochs", "1", "--hidden", "8", "--embedding", "8", "--json",
            ])  # fmt: skip
        return stopped.value.code

    monkeypatch.setattr(comparison.training, "train", counted)
    assert call() == 130 and trained == ["inject-init", "merge"]
    assert call() == 0 and trained == ["inject-init", "merge", "merge"]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["model"] for line in lines if "model" in line] == [
        "inject-init", "merge", "nearest neighbour", "most frequent caption", "human",
    ]  # fmt: skip
    assert (tmp_path / "runs/compare/caption-scenes/report.html").exists()
