"""What can be chosen about a captioner, what is refused, and what is chosen by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields

import pytest

from cnnrnn.caption import cli
from cnnrnn.caption.prepare import FEATURE_OUTPUT
from cnnrnn.caption.settings import MODELS, TrainSettings
from cnnrnn.errors import CnnRnnError, UsageError


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"model": "lstm"}, "no model 'lstm' .one of attention, inject-init"),
        ({"tokenizer": "letters"}, "no tokenizer 'letters'"),
        ({"rnn": "rnn"}, "no rnn 'rnn' .one of lstm, gru"),
        ({"layers": 0}, "layers is 0"),
        ({"output": "pictures"}, "no output 'pictures'"),
        ({"output": "vectors"}, "needs word vectors to aim at"),
        ({"output": "vectors", "embeddings": "v.txt", "frozen_words": False}, "must not move"),
        ({"output": "vectors", "embeddings": "v.txt", "tie": True}, "--tie is for a net"),
        ({"output": "vectors", "embeddings": "v.txt", "smoothing": 0.1}, "--smoothing is for"),
        ({"output": "vectors", "init": "run", "reward": "cider"}, "--reward is for a net"),
        ({"frozen_words": True}, "freeze those of --embeddings"),
        ({"model": "merge", "fusion": "max"}, "no fusion 'max'"),
        ({"model": "inject", "fusion": "add"}, "the model inject has no --fusion"),
        ({"schedule": "linear"}, "no schedule 'linear'"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"feature_dropout": -0.1}, "feature_dropout is -0.1"),
        ({"smoothing": 1}, "smoothing is 1"),
        ({"hidden": 0}, "hidden is 0"),
        ({"batch": 0}, "batch is 0"),
        ({"epochs": 0}, "epochs is 0"),
        ({"holdout": 0}, "holdout is 0"),
        ({"min_count": 0}, "min_count is 0"),
        ({"patience": 0}, "patience is 0"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"learning_rate": float("inf")}, "learning_rate is inf"),
        ({"clip_norm": -1.0}, "clip_norm is -1.0"),
        ({"precision": "float16"}, "no precision 'float16'"),
        ({"reward": "bleu", "init": "run"}, "no reward 'bleu'"),
        ({"reward": "cider"}, "name its run with --init"),
        ({"reward": "cider", "init": "run", "mirror": True}, "leave them out with --reward"),
        ({"frames": 0, "model": "merge"}, "frames is 0"),
        ({"model": "clip-lstm"}, "clip-lstm watches clips"),
        ({"data": "clips"}, "attention looks at the places of one picture"),
        ({"features": "f.npz", "mirror": True}, "leave out --mirror"),
        ({"init": "run", "embeddings": "word2vec"}, "leave out --embeddings"),
        ({"frames": 4, "model": "merge", "mirror": True}, "--mirror is for pictures"),
        ({"frames": 4, "model": "merge", "features": "f.npz"}, "--features is for pictures"),
        ({"frames": 4, "model": "merge", "fine_tune": True}, "--fine-tune is for pictures"),
        ({"features": "f.npz", "fine_tune": True}, "no backbone whose top could be fine-tuned"),
        ({"cnn_rate": 1e-3}, "say --fine-tune too"),
        ({"fine_tune": True, "cnn_rate": -1.0}, "cnn_rate is -1.0"),
        ({"fine_tune": True, "cnn_rate": float("nan")}, "cnn_rate is nan"),
        ({"scheduled": 1.0}, "scheduled is 1.0"),
        ({"reward": "cider", "init": "run", "scheduled": 0.2}, "leave them out with --reward"),
        ({"reward": "cider", "init": "run", "smoothing": 0.1}, "leave them out with --reward"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(wrong, message):
    with pytest.raises(UsageError, match=message):
        TrainSettings(**wrong)


def test_everything_is_decided_for_the_built_in_world():
    found = TrainSettings().resolved(pictures=4000, captions=20_000)
    undecided = {each.name for each in fields(found) if getattr(found, each.name) is None}
    assert undecided == {
        "limit", "image_size", "features", "init", "reward", "fusion", "frames", "cnn_rate",
    }  # fmt: skip
    assert (found.backbone, found.mirror, found.holdout, found.min_count) == (
        "scenes", False, 400, 5,
    )  # fmt: skip


def test_vectors_that_are_aimed_at_are_frozen():
    found = TrainSettings(output="vectors", embeddings="word2vec").resolved(100, 500)
    assert found.frozen_words and found.smoothing == 0 and found.head == "nearest"
    assert not TrainSettings(embeddings="word2vec").resolved(100, 500).frozen_words


def test_scheduled_words_need_a_second_epoch():
    assert TrainSettings(scheduled=0.2, epochs=2).resolved(100, 500).scheduled == 0.2
    with pytest.raises(UsageError, match="begin in the second epoch"):
        TrainSettings(scheduled=0.2, epochs=1).resolved(100, 500)


def test_clips_have_frames_and_no_mirror():
    found = TrainSettings(data="clips", model="clip-lstm").resolved(100, 500)
    assert (found.frames, found.mirror, found.backbone) == (8, False, "scenes")
    own = TrainSettings(data="own.csv", model="inject", frames=4).resolved(100, 500)
    assert (own.frames, own.mirror, own.backbone) == (4, False, "mobilenet_v2")


def test_only_merge_joins():
    assert TrainSettings(model="merge").resolved(100, 500).fusion == "concat"
    assert TrainSettings(model="merge", fusion="add").resolved(100, 500).fusion == "add"


def test_the_rate_of_the_top_is_decided_where_it_is_trained():
    assert TrainSettings().resolved(100, 500).cnn_rate is None
    assert TrainSettings(fine_tune=True).resolved(100, 500).cnn_rate == 1e-3


def test_photos_get_another_backbone_a_larger_net_and_mirrors():
    world = TrainSettings().resolved(6000, 30_000)
    photos = TrainSettings(data="Flickr8k").resolved(6000, 30_000)
    assert photos.backbone == "mobilenet_v2" and photos.mirror
    assert photos.hidden > world.hidden and photos.dropout > world.dropout


@pytest.mark.parametrize(
    ("pictures", "holdout"), [(2, 1), (19, 1), (200, 20), (4999, 499), (6000, 500), (90_000, 500)]
)
def test_a_tenth_is_kept_aside_but_at_most_500(pictures, holdout):
    assert TrainSettings().resolved(pictures, pictures).holdout == holdout


@pytest.mark.parametrize(
    ("captions", "min_count"), [(24, 1), (1999, 1), (2000, 2), (9999, 2), (10_000, 5)]
)
def test_the_smallest_count_of_a_word_grows_with_the_data(captions, min_count):
    assert TrainSettings().resolved(100, captions).min_count == min_count


def test_what_was_chosen_stays():
    chosen = {
        "hidden": 16, "embedding": 8, "dropout": 0.0, "feature_dropout": 0.0, "mirror": False,
        "batch": 2, "epochs": 1, "holdout": 3, "min_count": 4, "backbone": "vgg16",
    }  # fmt: skip
    found = TrainSettings(data="own.csv", **chosen).resolved(1000, 5000)
    assert {key: getattr(found, key) for key in chosen} == chosen
    assert found.resolved(9, 9) == found


def test_a_config_repeats_a_run():
    found = TrainSettings(data="own.txt", format="csv", hidden=16, seed=3).resolved(100, 500)
    config = json.loads(json.dumps(found.as_config()))
    # What else stands there is not of the settings; `format` is that of the run folder.
    config |= {"task": "caption", "format": 1, "created": "today", "weights_hash": "ab"}
    assert TrainSettings.from_config(config) == found


@pytest.mark.parametrize(
    "damage",
    [
        {"hidden": "many"},
        {"epochs": 2.5},
        {"dropout": "0.5"},
        {"data": 5},
        {"mirror": "yes"},
        {"model": None},
        {"schedule": ["cosine"]},
    ],
)
def test_a_config_with_a_value_of_the_wrong_kind_is_told(damage):
    config = TrainSettings().as_config() | damage
    name = next(iter(damage))
    with pytest.raises(CnnRnnError, match=f"{name} is .* in config.json"):
        TrainSettings.from_config(config)


def test_a_config_has_the_size_that_was_used():
    assert TrainSettings.from_config({"image_size": [224, 160]}).image_size == [224, 160]


def test_whole_numbers_are_numbers():
    assert TrainSettings.from_config({"clip_norm": 5, "dropout": 0}).clip_norm == 5


def test_the_command_line_knows_every_setting():
    options = {parameter.name for parameter in cli.train.params}
    assert {each.name for each in fields(TrainSettings)} <= options


def test_every_model_is_offered_and_knows_its_features():
    assert set(cli.MODELS) == set(MODELS) == set(FEATURE_OUTPUT)


def test_settings_are_checked_before_keras_is_imported():
    code = (
        "import sys; from cnnrnn.caption.settings import TrainSettings; TrainSettings();"
        "sys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
