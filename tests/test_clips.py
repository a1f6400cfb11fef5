"""The built-in clips: the order of the frames says what happens, and nothing else does."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from collections import Counter
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from cnnrnn import scenes
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media.opencv import cv2
from cnnrnn.scenes import actions, clips, dataset
from cnnrnn.scenes.actions import ACTIONS, colours_of
from cnnrnn.scenes.arrange import plain_box
from cnnrnn.scenes.world import ALL_KINDS, COLOURS, TEXTURES, UNITS, holds

LABELS = len(clips.LABELS)
DOOR = ("test", 40)  # what data/door.mp4 shows


@pytest.fixture(scope="module")
def everything():
    """All clips of the default sizes, not drawn."""
    return {s: [clips.clip(s, i) for i in range(n)] for s, n in clips.SIZES.items()}


def _rounded(clip):
    """What a clip is made of, without the last digits that another machine may compute."""
    things = [
        (t.kind, t.colour, t.texture, t.facing, t.floats, [
            tuple(round(v, 3) for v in (s.x, s.y, s.scale, s.angle, s.open)) for s in t.states
        ])
        for t in clip.scene.things
    ]
    return repr((clip.label, things, clip.order, clip.distractors)).encode()


def test_a_clip_depends_on_its_number_alone():
    first = clips.clip("val", 7)
    clips.clip("val", 8, busy=True)
    assert clips.clip("val", 7) == first
    assert np.array_equal(clips.render_clip(first), clips.render_clip(first))
    assert clips.clip("train", 17).scene != first.scene != clips.clip("val", 17).scene


def test_the_clips_are_those_of_version_1():
    """A change here needs another VERSION: models shipped and numbers told are of these clips."""
    assert clips.VERSION == 1
    made = b"".join(
        _rounded(clips.clip(split, i, busy))
        for split in scenes.SPLITS for busy in (False, True) for i in range(LABELS)
    )
    assert zlib.crc32(made) == 1688618274
    # Mean levels of quarters of frames: other versions of OpenCV may differ by a hair.
    seen = {
        0: [170.4, 178.3, 144.6, 142.8],
        7: [194.3, 191.5, 144.4, 131.9],
        18: [215.2, 195.6, 198.7, 175.5],
    }
    for index, levels in seen.items():
        middle = clips.render_clip(clips.clip("train", index))[12].astype(float)
        quarters = middle.reshape(2, 56, 2, 56, 3).mean((1, 3, 4)).ravel()
        assert quarters == pytest.approx(levels, abs=0.5)


def test_frames_are_bytes_of_any_size():
    clip = clips.clip("train", 8)
    small, large = clips.render_clip(clip, 56), clips.render_clip(clip, 112)
    assert small.dtype == large.dtype == np.uint8
    assert small.shape == (24, 56, 56, 3) and large.shape == (24, 112, 112, 3)
    shrunk = large.reshape(24, 56, 2, 56, 2, 3).mean((2, 4))
    assert np.abs(shrunk - small).mean() < 6
    with pytest.raises(UsageError, match="sizes are"):
        clips.render_clip(clip, 5)
    with pytest.raises(CnnRnnError, match="no split"):
        clips.clip("dev", 0)


def test_every_frame_has_noise_of_its_own():
    clip = next(
        c for c in (clips.clip("train", i) for i in range(0, 100, 10))
        if c.scene.things[0].states[0] == c.scene.things[0].states[1]
    )
    first, second = clips.render_clip(clip)[:2].astype(int)
    assert 3 < np.abs(first - second).mean() < 7


def test_labels_are_balanced(everything):
    for split, made in everything.items():
        counts = Counter(clip.label for clip in made)
        assert set(counts) == set(clips.LABELS) and len(set(counts.values())) == 1
        assert [clip.label for clip in made[:LABELS]] == list(clips.LABELS)
        assert len(made) == clips.SIZES[split]
    assert [label for pair in clips.PAIRS for label in pair] == list(clips.LABELS)


def test_splits_share_no_combination(everything):
    seen = {split: {clip.combination for clip in made} for split, made in everything.items()}
    assert len(seen["train"]) > 250 and len(seen["val"]) > 50 and len(seen["test"]) > 60
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["val"]
    assert not seen["val"] & seen["test"]
    for action in ACTIONS:
        assert [len(colours_of("dog", action, split)) for split in scenes.SPLITS] == [6, 1, 1]
    assert colours_of("bird", "door", "val") == ("red",)  # the square begins here


def _facts(clip):
    """All of a clip but which way it runs, and the actor's states."""
    actor, *others = clip.scene.things
    fixed = (actor.kind, actor.colour, actor.texture, actor.facing, actor.floats, *others)
    scene = clip.scene
    return (fixed, scene.background, scene.horizon, scene.clutter, clip.distractors), actor.states


@pytest.mark.parametrize("busy", [False, True])
def test_no_lot_knows_which_way_a_clip_runs(busy):
    for index in range(2 * LABELS):
        forwards, backwards = (
            clips._composed("train", index, index, way, busy) for way in (False, True)
        )
        assert (forwards.label, backwards.label) in clips.PAIRS
        (facts, states), (other_facts, other_states) = _facts(forwards), _facts(backwards)
        assert facts == other_facts
        shown = [i for i, other in enumerate(forwards.distractors) if other is None]
        there = [states[i] for i in shown]
        assert [other_states[i] for i in shown] == there[::-1] and there[0] != there[-1]


def test_odd_clips_of_val_and_test_are_the_even_ones_backwards(everything):
    for split in ("val", "test"):
        for even, odd in zip(everything[split][::2], everything[split][1::2], strict=True):
            (facts, states), (other_facts, other_states) = _facts(even), _facts(odd)
            assert facts == other_facts and states == other_states[::-1]
            assert even.order == odd.order[::-1] == tuple(range(24))
    even, odd = (clips.render_clip(clips.clip("test", i)).astype(int) for i in (16, 17))
    # The same picture but for the noise, whose differences have a mean of 4.5 levels.
    assert np.abs(even - odd[::-1]).mean() < 5 < np.abs(even - odd).mean()
    # Of training clips no two are alike.
    assert len({clip.scene.clutter for clip in everything["train"]}) == clips.SIZES["train"]


def test_the_pace_has_the_same_law_backwards():
    rng = np.random.default_rng(0)
    for count in (6, 9, 24):
        paces = np.array([clips._phases(rng, count) for _ in range(4000)])
        assert paces.shape[1] == count and (np.diff(paces, axis=1) >= 0).all()
        assert (paces[:, 0] == 0).all() and (paces[:, -1] == 1).all()
        assert np.abs(paces.mean(0) + paces.mean(0)[::-1] - 1).max() < 0.02
        assert np.abs(paces.std(0) - paces.std(0)[::-1]).max() < 0.02


def _fitted(features, right, steps=300):
    """Weights of a logistic regression, by gradient descent with a little decay."""
    weights = np.zeros(features.shape[1])
    for _ in range(steps):
        error = 1 / (1 + np.exp(-features @ weights)) - right
        weights -= 0.5 * (features.T @ error / len(features) + 0.01 * weights)
    return weights


@pytest.mark.slow
def test_frames_without_their_order_do_not_tell():
    """Mean and standard deviation over time of small grey frames, judged pair by pair."""
    count = 800
    grey = np.stack([
        clips.render_clip(clips.clip("train", i), 32).mean(-1).reshape(24, 8, 4, 8, 4).mean((2, 4))
        for i in range(count)
    ])
    blind = np.concatenate([grey.mean(1), grey.std(1)], axis=1).reshape(count, -1)
    right = blind_right = 0
    for pair in range(LABELS // 2):
        mine = np.flatnonzero(np.arange(count) % LABELS // 2 == pair)
        features = blind[mine] - blind[mine].mean(0)
        features /= features.std(0) + 1e-6
        label = mine % 2
        half = len(mine) // 2
        weights = _fitted(features[:half], label[:half])
        blind_right += ((features[half:] @ weights > 0) == label[half:]).sum()
        right += half
    share, error = blind_right / right, np.sqrt(0.25 / right)
    print(f"\norder-blind: {share:.3f} of {right}, standard error {error:.3f}")
    assert abs(share - 0.5) < 3 * error
    # The same small frames in order do tell: a lit doorway makes the picture brighter.
    doors = np.arange(count) % LABELS < 2
    brighter = (grey[doors, -1] - grey[doors, 0]).sum((1, 2)) > 0
    assert np.mean(brighter == (np.arange(count)[doors] % 2 == 0)) > 0.9


def test_each_action_does_what_its_label_says(everything):
    for clip in everything["train"][:300]:
        thing, states = clip.scene.things[0], clip.scene.things[0].states
        assert len(states) == 24
        values = {
            "door": [s.open for s in states], "move": [s.x for s in states],
            "grow": [s.scale for s in states],
            "turn": np.unwrap([s.angle for s in states], period=360),
            "put": [float(s.relation == "in") for s in states],
        }
        sign = 1 if clip.label == ACTIONS[clip.action][0][0] else -1
        steps = np.diff(values[clip.action]) * sign
        assert (steps >= 0).all() and steps.sum() > 0, (clip.index, clip.label)
        least = {"door": 0.7, "move": 30, "grow": 15, "turn": 149, "put": 1}[clip.action]
        assert steps.sum() >= least
        others = {name for name in values if name not in (clip.action, "put", "move")}
        assert all(np.ptp(values[name]) == 0 for name in others)
        for time in (0, 12, 23):
            for one, relation, anchor in clip.scene.related(time):
                assert holds(relation, plain_box(one, time), plain_box(anchor, time))
        for other in clip.scene.things[1:]:
            assert len(other.states) == 1 and other.kind != thing.kind
        assert len(clip.scene.things) <= 5


def test_a_turn_to_the_right_is_clockwise():
    clip = clips.clip("train", 6)
    assert clip.label == "turns clockwise"
    angles = [s.angle for s in clip.scene.things[0].states]
    thing = clip.scene.things[0]
    # Seen from its middle, what points to the right at 0 degrees points down at 90 (y is down).
    from cnnrnn.scenes.draw import _placed

    upright, turned = (
        _placed("kite", scenes.State(50.0, 80.0, 40.0, angle=a), 1)[0].points for a in (0.0, 90.0)
    )
    middle = np.array([50.0, 80.0 - 20.0 * scenes.draw.sketches.extent("kite")[1]])
    assert turned - middle == pytest.approx((upright - middle)[:, ::-1] * (-1, 1), abs=1e-6)
    assert thing.kind in actions.TURNING and np.unwrap(angles, period=360)[-1] > angles[0]


def test_the_actor_is_in_its_box():
    for index in range(2 * LABELS):
        clip = clips.clip("train", index)
        boxes = clips.actor_boxes(clip)
        assert boxes.shape == (24, 4) and boxes.dtype == np.float64
        assert boxes.min() >= 0 and boxes.max() <= UNITS and (boxes[:, :2] < boxes[:, 2:]).all()
        # Whatever changes between the first and the last frame lies in one of their boxes.
        frames = clips.render_clip(clip).astype(int)
        changed = cv2.blur(np.abs(frames[0] - frames[-1]).sum(-1).astype(np.float32), (5, 5)) > 60
        union = np.zeros((112, 112), bool)
        for x1, y1, x2, y2 in boxes[[0, -1]]:
            # A shadow reaches below.
            union[int(y1) - 4 if y1 > 4 else 0 : int(y2) + 9, max(int(x1) - 4, 0) : int(x2) + 5] = 1
        assert changed.any() and not (changed & ~union).any(), (index, clip.label)
    large = clips.actor_boxes(clip, 224)
    assert large == pytest.approx(2 * boxes)


def test_busy_clips_show_the_action_in_few_frames_in_order():
    shares, before = [], []
    for index in range(300):
        clip, plain = clips.clip("train", index, busy=True), clips.clip("train", index)
        shown = [moment for moment in clip.order if moment >= 0]
        hidden = [other for other in clip.distractors if other is not None]
        assert clips.SHOWN[0] <= len(shown) <= clips.SHOWN[1] and len(shown) + len(hidden) == 24
        assert [m < 0 for m in clip.order] == [d is not None for d in clip.distractors]
        assert shown == sorted(shown, reverse=bool(index % 2)) == [*dict.fromkeys(shown)]
        assert 3 <= len(set(hidden)) <= 5 and len(list(groupby(clip.distractors))) <= 12
        assert clip.label == plain.label and clip.combination == plain.combination
        gone = np.isnan(clips.actor_boxes(clip)).all(1)
        assert gone.tolist() == [d is not None for d in clip.distractors]
        shares.append(len(hidden) / 24)
        before.append([d is not None for d in clip.distractors])
    assert 0.65 < np.mean(shares) < 0.72
    # Each of the 24 places shows the action equally often.
    assert np.abs(np.mean(before, axis=0) - np.mean(shares)).max() < 0.12


def test_distractors_are_pictures_of_other_scenes():
    clip = clips.clip("test", 4, busy=True)
    frames = clips.render_clip(clip).astype(int)
    for time, number in enumerate(clip.distractors):
        if number is not None:
            picture = scenes.render(scenes.scene("test", number)).astype(int)
            assert np.abs(frames[time] - picture).mean() < 5


_OPPOSITE = {
    "door": ("open", "opens", "opening", "opened"), "move": ("right", "rightwards"),
    "grow": ("grows", "bigger", "larger", "growing", "swells"),
    "turn": ("clockwise", "like"),
    "put": ("into", "puts", "put", "gets"),
}
_BACKWARDS = {
    "door": ("closes", "closing", "closed", "shut", "shuts"), "move": ("left", "leftwards"),
    "grow": ("shrinks", "smaller", "shrinking", "dwindles"),
    "turn": ("anticlockwise", "counterclockwise", "against"), "put": ("out", "takes", "loses"),
}


def test_captions_tell_the_truth(everything):
    names = {"mug": "cup", "sailboat": "boat", "automobile": "car", "block": "cube"}
    names |= dict.fromkeys(("kitten", "puppy", "pony", "cottage"))
    young = {"kitten": "cat", "puppy": "dog", "pony": "horse", "cottage": "house"}
    names |= young | {kind: kind for kind in ALL_KINDS}
    phrase = re.compile(
        rf"\ban? (?:({'|'.join(TEXTURES[1:])}) )?(?:({'|'.join(COLOURS)}) )?({'|'.join(names)})\b"
    )
    told, phrases = set(), 0
    for clip in everything["train"][:400]:
        said = clips.captions(clip)
        assert len(said) == len(set(said)) == 5 and said == clips.captions(clip)
        told.update(said)
        forwards = clip.label == ACTIONS[clip.action][0][0]
        for sentence in said:
            assert re.fullmatch("[a-z ]+", sentence) and "  " not in sentence
            words = sentence.split()
            true, false = (_OPPOSITE, _BACKWARDS)[:: 1 if forwards else -1]
            mine = [words.index(w) for w in true[clip.action] if w in words]
            wrong = [words.index(w) for w in false[clip.action] if w in words]
            if mine and wrong:  # `from left to right`, `first closed and then open`: the end counts
                assert max(mine) > max(wrong) or "whose" in words or "leaves" in words, sentence
            else:
                whole = {"large at first", "small at first", "rises", "first"}
                assert mine or any(w in sentence for w in whole), (clip.label, sentence)
            found = list(phrase.finditer(sentence))
            phrases += len(found)
            assert clip.kind in [names[m[3]] for m in found]
            for texture, colour, name in (m.groups() for m in found):
                assert any(
                    t.kind == names[name] and colour in (None, t.colour)
                    and texture in (None, t.texture) and (name not in young or t.size == "small")
                    for t in clip.scene.things
                ), sentence
    print(f"\n{len(told)} different sentences of {5 * 400}")
    assert len(told) > 1500 and phrases > 2000


def test_a_clip_backwards_is_told_with_the_same_words_but_for_what_happens():
    for index in range(0, 40, 2):
        there, back = (clips.captions(clips.clip("val", i)) for i in (index, index + 1))
        assert all(a != b for a, b in zip(there, back, strict=True))
        kinds = [[w for w in " ".join(s).split() if w in ALL_KINDS] for s in (there, back)]
        assert Counter(kinds[0]) == Counter(kinds[1])


def test_load_keeps_clips(capsys):
    first = clips.load("val", 3)
    assert first.frames.shape == (3, 24, 112, 112, 3) and first.frames.dtype == np.uint8
    assert first.labels.tolist() == [0, 1, 2] and len(first.clips) == 3
    assert [clip.label for clip in first.clips] == [clips.LABELS[i] for i in first.labels]
    assert np.array_equal(first.frames[2], clips.render_clip(first.clips[2]))
    busy = clips.load("val", 3, busy=True)
    assert not np.array_equal(busy.frames, first.frames)
    assert busy.clips[0].distractors != first.clips[0].distractors
    paths = sorted((dataset.cache_root() / "scenes").iterdir())
    assert [p.name for p in paths] == ["clips-v1-val-3.npy", "clips-v1-val-busy-3.npy"]
    drawn = np.array(first.frames)
    content = bytearray(paths[0].read_bytes())
    content[70000] ^= 1
    paths[0].write_bytes(content)
    assert np.array_equal(clips.load("val", 3).frames, drawn)
    assert "clips are drawn again" in capsys.readouterr().err
    with pytest.raises(UsageError):
        clips.load("val", 0)


def test_the_sample_film_shows_a_door(tmp_path):
    clip = clips.clip(*DOOR)
    assert clip.action == "door"
    made = tmp_path / "door.mp4"
    command = [sys.executable, "-m", "cnnrnn.scenes", str(made), DOOR[0], str(DOOR[1])]
    subprocess.run(command, check=True)
    frames = clips.render_clip(clip).astype(int)
    for path in (made, Path(__file__).parents[1] / "data" / "door.mp4"):
        assert path.stat().st_size < 60_000
        film = cv2.VideoCapture(str(path))
        assert film.get(cv2.CAP_PROP_FPS) == pytest.approx(8)
        decoded = [film.read()[1][..., ::-1] for _ in range(24)]
        assert not film.read()[0]
        assert np.abs(np.stack(decoded) - frames).mean() < 8
    bad = subprocess.run([*command[:-1], "x"], capture_output=True, text=True)
    assert bad.returncode == 2 and "usage" in bad.stderr
