"""What is true of a scene, and what texts tell of it."""

from __future__ import annotations

import pytest

from cnnrnn import scenes
from cnnrnn.scenes import Fact, facts, possible, told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a small red dog with floppy ears", {
            ("object", ("dog",)), ("colour", ("red", "dog")), ("part", ("ear", "dog")),
        }),
        ("a dog", {("object", ("dog",))}),
        ("a blue basket with a kitten in it", {
            ("object", ("basket",)), ("colour", ("blue", "basket")), ("object", ("cat",)),
            ("relation", ("cat", "in", "basket")),
        }),
        ("the wheel of a white automobile", {
            ("object", ("car",)), ("colour", ("white", "car")), ("part", ("wheel", "car")),
        }),
        ("open door of a house", {("object", ("house",)), ("part", ("door", "house"))}),
        # The stem is green, not the flower; a beak is no thing of its own.
        ("a flower on a green stem", {("object", ("flower",)), ("part", ("stem", "flower"))}),
        ("a bird with an orange beak", {("object", ("bird",)), ("part", ("beak", "bird"))}),
        ("two red stars at night", {("object", ("star",)), ("colour", ("red", "star"))}),
        ("a striped cup stands on top of a table and a black ring", {
            ("object", ("cup",)), ("object", ("table",)), ("object", ("ring",)),
            ("colour", ("black", "ring")), ("relation", ("cup", "on", "table")),
        }),
        ("a dog to the left of a tree", {
            ("object", ("dog",)), ("object", ("tree",)),
            ("relation", ("dog", "left of", "tree")),
        }),
        ("in a green meadow", set()),
        ("", set()),
    ],
)  # fmt: skip
def test_what_a_text_tells(text, expected):
    assert told(text) == {Fact(group, words) for group, words in expected}


def test_what_is_said_of_regions_is_true():
    """Of a thing's look more may be said than can be seen of it: its parts, by and by."""
    count = 0
    for index in range(60):
        scene = scenes.scene("val", index)
        true, seen = facts(scene, 0.0), facts(scene)
        assert seen <= true
        for region in scenes.regions(scene):
            for fact in told(region.phrase):
                if fact.group != "part":
                    assert fact in seen, (region.phrase, fact)
                    count += 1
                elif " of a" in region.phrase:
                    assert fact in seen, (region.phrase, fact)
    assert count > 200


def test_all_regions_of_a_scene_tell_its_objects_and_parts():
    for index in range(30):
        scene = scenes.scene("val", index)
        said = set().union(*(told(region.phrase) for region in scenes.regions(scene)))
        left_out = {fact for fact in facts(scene) - said if fact.group == "object"}
        # Two boxes that all but coincide are one region.
        assert len(left_out) <= 1, (index, left_out)


def test_captions_tell_relations_that_are_true():
    found = 0
    for index in range(80):
        scene = scenes.scene("train", index)
        true = facts(scene, 0.0)
        for caption in scenes.captions(scene):
            for fact in told(caption):
                if fact.group == "relation":
                    assert fact in true, (caption, fact)
                    found += 1
    assert found > 50


def test_hidden_things_are_facts_only_if_asked_for():
    scene = scenes.scene("test", 109)  # one of the few in which a thing is mostly hidden
    assert facts(scene) < facts(scene, 0.0)


def test_facts_are_of_all_groups():
    groups = {fact.group for index in range(20) for fact in facts(scenes.scene("train", index))}
    assert groups == set(scenes.GROUPS)


def test_every_part_of_what_is_there_may_truly_be_named():
    scene = scenes.scene("test", 109)
    assert facts(scene, 0.0) <= possible(scene)
    extra = possible(scene) - facts(scene, 0.0)
    assert {fact.group for fact in extra} == {"part"}
    assert {fact.words[1] for fact in extra} <= {thing.kind for thing in scene.things}
