"""What the built-in clips show, and what is said of it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from cnnrnn import scenes
from cnnrnn.errors import UsageError
from cnnrnn.media.opencv import cv2
from cnnrnn.scenes import actions, clips, dataset
from cnnrnn.scenes.actions import ACTIONS
from cnnrnn.scenes.arrange import plain_box
from cnnrnn.scenes.world import ALL_KINDS, COLOURS, TEXTURES, UNITS, holds

LABELS = len(clips.LABELS)
DOOR = ("test", 40)  # what data/door.mp4 shows


@pytest.fixture(scope="module")
def everything():
    """All clips of the default sizes, not drawn."""
    return {s: [clips.clip(s, i) for i in range(n)] for s, n in clips.SIZES.items()}


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
