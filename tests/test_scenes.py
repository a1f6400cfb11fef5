"""The built-in data set: what is said of a scene is true, and nothing gives itself away."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest

from cnnrnn import scenes
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.scenes import dataset, draw, sketches
from cnnrnn.scenes.arrange import plain_box
from cnnrnn.scenes.compose import PLANS
from cnnrnn.scenes.splits import colours_of, split_of
from cnnrnn.scenes.world import ALL_KINDS, COLOURS, KINDS, RELATIONS, TEXTURES, Thing, holds

SAMPLE = 320


@pytest.fixture(scope="module")
def sample():
    return [scenes.scene("train", i) for i in range(SAMPLE)]


def test_a_scene_depends_on_its_number_alone():
    first = scenes.scene("val", 7)
    scenes.scene("val", 8)
    assert scenes.scene("val", 7) == first
    assert scenes.scene("train", 7) != first and scenes.scene("val", 8) != first
    assert np.array_equal(scenes.render(first), scenes.render(first))


def test_another_process_with_other_hashes_draws_the_same_picture():
    code = (
        "from cnnrnn import scenes; import zlib; s = scenes.scene('test', 11);"
        "print(zlib.crc32(scenes.render(s).tobytes()), scenes.captions(s), scenes.questions(s))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_splits_share_no_combination():
    seen = {
        split: set().union(*(scenes.combinations(scenes.scene(split, i)) for i in range(SAMPLE)))
        for split in scenes.SPLITS
    }
    assert len(seen["train"]) > 200 and len(seen["test"]) > 50 and len(seen["val"]) > 50
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["val"]
    assert not seen["val"] & seen["test"]


def test_every_kind_has_six_colours_in_train_and_one_elsewhere():
    for kind in ALL_KINDS:
        for relation in RELATIONS:
            sizes = [len(colours_of(kind, relation, split)) for split in scenes.SPLITS]
            assert sizes == [6, 1, 1]
    # (kind 0, colour 0, relation 0) begins the square; four steps on lies the test's combination.
    assert split_of("bird", "red", "left of") == "val"
    assert split_of("bird", "blue", "left of") == "test"
    assert split_of("butterfly", "green", "left of") == "test"


def test_relations_by_hand():
    house = (40, 40, 60, 60)
    beside = (10, 42, 30, 62)
    assert holds("left of", beside, house) and not holds("right of", beside, house)
    assert not holds("left of", (30, 0, 40, 10), house)  # more above than left
    assert holds("above", (42, 10, 58, 30), house) and holds("below", house, (42, 10, 58, 30))
    assert holds("next to", (62, 42, 80, 62), house)
    assert not holds("next to", (80, 42, 98, 62), house)
    assert holds("in", (44, 30, 56, 50), house) and not holds("in", (44, 10, 56, 30), house)
    assert holds("on", (44, 26, 56, 42), house) and holds("under", (44, 44, 56, 60), house)


def test_said_relations_hold_in_the_picture(sample):
    found = Counter()
    for scene in sample:
        for thing, relation, anchor in scene.related():
            assert holds(relation, plain_box(thing), plain_box(anchor)), (scene.index, relation)
            found[relation] += 1
        for thing in scene.things:
            x1, y1, x2, y2 = draw.box_of(thing)
            assert x1 >= -2 and y1 >= -2 and x2 <= 114 and y2 <= 114
    assert set(found) == set(RELATIONS)
    assert {scene.plan for scene in sample} == set(PLANS)


def test_any_size_shows_the_same_picture():
    scene = scenes.scene("train", 3)
    small, large = scenes.render(scene, 56), scenes.render(scene, 224)
    assert small.shape == (56, 56, 3) and large.shape == (224, 224, 3)
    shrunk = large.reshape(56, 4, 56, 4, 3).mean((1, 3))
    assert np.abs(shrunk - small).mean() < 6
    with pytest.raises(UsageError, match="sizes are"):
        scenes.render(scene, 5)


def test_things_look_different_by_colour_and_texture():
    def picture(colour, texture):
        things = sample_thing(colour, texture)
        return scenes.render(scenes.scene("val", 0).__class__(
            "val", 0, "side", "grass", 40.0, 1, things
        )).astype(int)

    def sample_thing(colour, texture):
        state = scenes.State(56.0, 90.0, 40.0)
        return (Thing("ball", colour, "large", texture, states=(state,)),)

    middle = {c: picture(c, "plain")[66:76, 52:60].mean((0, 1)) for c in COLOURS}
    for name, rgb in middle.items():
        nearest = min(COLOURS, key=lambda c: np.abs(np.array(COLOURS[c]) - rgb).sum())
        assert nearest == name
    plain = picture("red", "plain")
    for texture in TEXTURES[1:]:
        assert np.abs(picture("red", texture) - plain)[50:90, 36:76].mean() > 5


def test_a_door_opens_without_moving_the_house():
    closed, opened = sketches.shapes("house", 0.0), sketches.shapes("house", 1.0)
    pairs = zip(closed[:5], opened[:5], strict=True)
    assert all(np.array_equal(a.points, b.points) for a, b in pairs)
    fills = [{s.fill for s in shapes if s.part == "door"} for shapes in (closed, opened)]
    assert fills[0] != fills[1]
    assert {"roof", "door", "window"} <= set(sketches.parts("house"))
    assert {"head", "tail", "leg"} <= set(sketches.parts("dog"))
    assert "wheel" in sketches.parts("car")


def test_five_different_captions_of_a_rich_vocabulary(sample):
    words = Counter()
    for scene in sample:
        sentences = scenes.captions(scene)
        assert len(sentences) == len(set(sentences)) == 5
        for sentence in sentences:
            assert re.fullmatch("[a-z ]+", sentence) and "  " not in sentence
            words.update(sentence.split())
    print(f"\n{len(words)} words in {SAMPLE * 5} captions")
    assert len(words) >= 150


_NAMES = {
    "puppy": "dog", "kitten": "cat", "pony": "horse", "cottage": "house", "mug": "cup",
    "sailboat": "boat", "automobile": "car", "block": "cube", **{k: k for k in ALL_KINDS},
}
_ADJECTIVES = {
    **{c: ("colour", c) for c in COLOURS},
    **dict.fromkeys(("small", "little", "tiny"), ("size", "small")),
    **dict.fromkeys(("large", "big", "huge"), ("size", "large")),
    **dict.fromkeys(("striped", "stripy"), ("texture", "striped")),
    **dict.fromkeys(("dotted", "spotted"), ("texture", "dotted")),
    **dict.fromkeys(("checked", "checkered"), ("texture", "checked")),
}
_ADJECTIVE = "|".join(_ADJECTIVES)
_PHRASE = re.compile(rf"\ban? ((?:(?:{_ADJECTIVE}) )*)({'|'.join(_NAMES)})\b")
_SAID = {
    "left of": "left of", "left side of": "left of", "right of": "right of",
    "right side of": "right of", "above": "above", "over": "above", "below": "below",
    "beneath": "below", "inside": "in", "in": "in", "on top of": "on", "under": "under",
    "underneath": "under", "next to": "next to", "beside": "next to", "near": "next to",
    "close to": "next to",
}


_MANY = re.compile(rf"\b(pair of|two|three|four) ((?:{_ADJECTIVE}) )?(\w+?)s?\b")


def _meant(scene, match):
    """The things that a phrase `a small red dog` can mean."""
    facts = [_ADJECTIVES[word] for word in match[1].split()]
    return [
        t for t in scene.things
        if t.kind == _NAMES[match[2]] and all(getattr(t, name) == value for name, value in facts)
    ]


def test_captions_are_true(sample):
    phrases = relations = 0
    for scene in sample:
        for sentence in scenes.captions(scene):
            found = list(_PHRASE.finditer(sentence))
            for match in found:
                phrases += 1
                assert _meant(scene, match), (scene.index, sentence)
            for first, second in pairwise(found):
                between = sentence[first.end() : second.start()].strip()
                said = next((r for w, r in _SAID.items() if between.endswith(w)), None)
                if said is None or between.startswith("and"):
                    continue
                relations += 1
                assert any(
                    holds(said, plain_box(a), plain_box(b))
                    for a in _meant(scene, first) for b in _meant(scene, second)
                ), (scene.index, sentence)
            many = _MANY.search(sentence)
            if scene.group in KINDS and many and many[3] == scene.group:
                count = {"pair of": 2, "two": 2, "three": 3, "four": 4}[many[1]]
                assert sum(t.kind == scene.group for t in scene.things) == count
    assert phrases > 1500 and relations > 250


def test_regions_are_large_enough_and_scale(sample):
    part = 0
    for scene in sample[:60]:
        small, large = scenes.regions(scene), scenes.regions(scene, 224)
        assert small
        for one, other in zip(small, large, strict=True):
            x1, y1, x2, y2 = one.box
            assert min(x2 - x1, y2 - y1) >= 10 and x1 >= 0 and y1 >= 0 and x2 <= 112 and y2 <= 112
            assert other.box == pytest.approx([2 * side for side in one.box])
            part += " of a" in one.phrase
    assert part > 60


def test_a_mostly_hidden_thing_has_no_region():
    base = scenes.scene("train", 1)
    behind = Thing("ball", "red", "small", states=(scenes.State(56.0, 80.0, 18.0),))
    front = Thing("cube", "blue", "large", states=(scenes.State(56.0, 85.0, 36.0),))
    alone = base.__class__("train", 1, "side", "snow", 40.0, 1, (behind,))
    hidden = base.__class__("train", 1, "side", "snow", 40.0, 1, (behind, front))
    assert any("ball" in r.phrase for r in scenes.regions(alone))
    assert not any("ball" in r.phrase for r in scenes.regions(hidden))
    (region,) = scenes.regions(alone)
    assert region.box == pytest.approx((47, 62, 65, 80), abs=1.5)


def _best(counts, fallback, question):
    """The most frequent answer among the candidates."""
    return max(question.candidates, key=lambda c: (counts[c], fallback[c]))


def test_words_alone_do_not_answer():
    """Blind accuracy per kind: the most frequent answer of the same words, and of the kind."""
    asked = {
        split: [q for i in range(n) for q in scenes.questions(scenes.scene(split, i))]
        for split, n in scenes.SIZES.items()
    }
    by_text, by_kind = defaultdict(Counter), defaultdict(Counter)
    for question in asked["train"]:
        by_text[question.text][question.answer] += 1
        by_kind[question.kind][question.answer] += 1
    print(f"\n{'kind':9} questions  same words  same kind  chance")
    for kind in scenes.KINDS_OF_QUESTION:
        test = [q for q in asked["test"] if q.kind == kind]
        words = np.mean(
            [_best(by_text[q.text], by_kind[kind], q) == q.answer for q in test]
        )
        blind = np.mean([_best(by_kind[kind], by_kind[kind], q) == q.answer for q in test])
        chance = np.mean([1 / len(q.candidates) for q in test])
        print(f"{kind:9} {len(test):9} {words:11.3f} {blind:10.3f} {chance:7.3f}")
        assert len(test) > 100
        # A share of few hundred answers is known to its standard error only.
        room = 0.03 + np.sqrt(chance * (1 - chance) / len(test))
        assert abs(words - chance) < room and abs(blind - chance) < room, kind


def test_questions_are_well_formed(sample):
    for scene in sample:
        for question in scenes.questions(scene):
            assert question.answer in question.candidates
            assert len(set(question.candidates)) == len(question.candidates) >= 2
            assert question.kind in scenes.KINDS_OF_QUESTION and question.text.endswith("?")


def test_two_step_questions_have_two_different_contents_far_apart(sample):
    asked = 0
    for scene in sample:
        texts = [q for q in scenes.questions(scene) if q.kind == "two-step"]
        if not texts:
            continue
        asked += 1
        full = [t for t in scene.things if scene.inside(t)]
        contents = {scene.inside(t).kind for t in full}
        assert len(full) == len(contents) == 2
        assert abs(full[0].state.x - full[1].state.x) > 50
        for question in texts:
            assert question.answer in contents or question.answer in COLOURS
    assert asked > 50


def test_answers_of_a_known_scene():
    scene = next(
        s for s in (scenes.scene("train", i) for i in range(200)) if s.plan == "count" and s.group
    )
    number = next(q for q in scenes.questions(scene) if q.kind == "number")
    count = sum(scene.group in (t.kind, t.colour) for t in scene.things)
    assert number.answer == ("none", "one", "two", "three", "four")[count]


def test_load_keeps_pictures_and_draws_damaged_ones_again(capsys):
    first = scenes.load("val", 6)
    assert first.images.shape == (6, 112, 112, 3) and len(first.scenes) == 6
    assert np.array_equal(first.images[4], scenes.render(first.scenes[4]))
    drawn = np.array(first.images)  # `images` is a map of the file that is damaged below
    (path,) = (dataset.cache_root() / "scenes").iterdir()
    before = path.stat().st_mtime_ns
    scenes.load("val", 6)
    assert path.stat().st_mtime_ns == before
    content = bytearray(path.read_bytes())
    content[70000] ^= 1
    path.write_bytes(content)
    again = scenes.load("val", 6)
    assert np.array_equal(again.images, drawn)
    assert "drawn again" in capsys.readouterr().err
    path.write_bytes(content[:50000])
    assert np.array_equal(scenes.load("val", 6).images, drawn)
    assert capsys.readouterr().err.count("\n") == 1


def test_load_another_seed_and_bad_requests():
    other = scenes.load("train", 3, seed=5)
    assert (other.indices > 10).all() and other.images.shape[0] == 3
    assert np.array_equal(other.images[1], scenes.render(other.scenes[1]))
    assert not (dataset.cache_root() / "scenes").exists()
    for bad in (lambda: scenes.load("dev"), lambda: scenes.scene("train", -1),
                lambda: scenes.load("val", 0)):
        with pytest.raises(CnnRnnError):
            bad()


def test_contact_sheet(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "cnnrnn.scenes", str(tmp_path / "sheet.png")],
        capture_output=True, text=True,
    )
    assert done.returncode == 0 and (tmp_path / "sheet.png").stat().st_size > 100_000
    usage = subprocess.run([sys.executable, "-m", "cnnrnn.scenes"], capture_output=True, text=True)
    assert usage.returncode == 2 and "usage" in usage.stderr
