"""What a comparison of regions says: facts told, places of phrases, figures over seeds, claims."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from densecap_helpers import SMALL, call

from cnnrnn import scenes
from cnnrnn.densecap import compare
from cnnrnn.densecap.claims import claims
from cnnrnn.densecap.compare_report import show, write_page
from cnnrnn.densecap.compare_results import AMONG, REGIONS, WHOLE, Result, Sought, Table, Told
from cnnrnn.densecap.data import load, shows
from cnnrnn.densecap.layouts import Example, Region
from cnnrnn.densecap.settings import TrainSettings
from cnnrnn.densecap.telling import telling
from cnnrnn.densecap.validate import BOXES, MONITOR, monitor
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media.sources import Source

# -- what is told --------------------------------------------------------------------------------


def built_in(index: int) -> Example:
    found = scenes.regions(scenes.scene("test", index))
    regions = tuple(Region(each.phrase, each.box) for each in found)
    source = Source(f"scenes:test:{index}", scene=("test", index))
    return Example(source.name, source, regions, "test", (112, 112))


def test_the_facts_of_a_scene_by_hand():
    example = built_in(0)
    facts = scenes.facts(scenes.scene("test", 0))
    [kind, *_] = sorted(fact.words[0] for fact in facts if fact.group == "object")
    absent = next(k for k in ("dog", "cat", "car", "tree", "boat") if k not in
                  {thing.kind for thing in scenes.scene("test", 0).things})  # fmt: skip
    found = telling([example] * 3, [[], [f"a {kind}"], [f"a {kind}", f"a {absent}"]])
    assert found.told.tolist() == pytest.approx([0, 1 / len(facts), 1 / len(facts)])
    assert np.isnan(found.true[0]) and found.true[1:].tolist() == [1, 0.5]
    assert found.words.tolist() == [0, 2, 4] and found.language == ""
    assert found.groups["object"][1] == 2 and found.groups["colour"][1] == 0
    assert sum(there for there, _ in found.groups.values()) == 3 * len(facts)


def test_all_phrases_of_a_scene_tell_more_than_one():
    examples = [built_in(index) for index in range(8)]
    everything = telling(examples, [[r.phrase for r in each.regions] for each in examples])
    one = telling(examples, [[each.regions[0].phrase] for each in examples])
    assert everything.told.mean() > 2 * one.told.mean()
    assert everything.true.min() == one.true.min() == 1


def test_elsewhere_the_phrases_of_people_are_what_is_to_be_told():
    regions = tuple(Region(text, (0, 0, 9, 9)) for text in ("a red car", "two dogs", "the sky"))
    example = Example("1", Source("1.jpg"), regions, "test", (10, 10))
    found = telling([example], [["a red car", "a dog house"]], java=False)
    assert found.told.tolist() == pytest.approx([1 / 3])
    assert found.true.tolist() == [0.5] and found.language == "StemMatch" and not found.groups


# -- pairs that are held out ---------------------------------------------------------------------


def test_pictures_that_show_a_pair_are_left_out_of_the_training_only():
    whole, part = load("scenes", limit=150), load("scenes", limit=150, without=["a red dog"])

    def has(each):
        things = scenes.scene(*each.source.scene).things
        return any((thing.kind, thing.colour) == ("dog", "red") for thing in things)

    wanted = [each.id for each in whole.examples if each.split != "train" or not has(each)]
    assert [each.id for each in part.examples] == wanted
    assert 0 < len(whole.examples) - len(wanted) < 10
    assert part.notes == [f"{len(whole.examples) - len(wanted)} training pictures that show "
                          "'a red dog' left out"]  # fmt: skip
    assert whole.fingerprint() != part.fingerprint()


def test_a_pair_that_says_nothing_is_refused():
    with pytest.raises(UsageError, match="'zebra' says nothing of the built-in world"):
        load("scenes", limit=2, without=["zebra"])
    with pytest.raises(UsageError, match="an empty phrase"):
        load("scenes", limit=2, without=["a red car", " "])


def test_elsewhere_the_words_of_a_phrase_count():
    regions = (Region("The wheel of a Red car", (0, 0, 9, 9)),)
    example = Example("1", Source("1.jpg"), regions, "train", (10, 10))
    assert shows(example, "red car") and not shows(example, "red wheels")


def test_the_pairs_of_the_comparison_are_in_the_test_pictures_and_mean_something():
    for phrase in (*compare.UNSEEN, *compare.SEEN):
        assert len(scenes.told(phrase)) >= 2
    assert not set(compare.UNSEEN) & set(compare.SEEN)


def test_without_words_boxes_choose_the_epoch():
    assert monitor([0.1, 0.05, 0.1, 0.1, 1.0]) == MONITOR
    assert monitor([0.1, 0.05, 0.1, 0.1, 0.0]) == BOXES


# -- places of phrases ---------------------------------------------------------------------------


def test_the_place_of_the_best_picture_that_shows_a_phrase():
    shown = [False, True, False, True, False]
    ranks, chance = Sought(True, shown, [-1.0, -3.0, -2.0, -1.5, -9.0]).ranks()
    assert ranks == [2] and chance == [2]  # two of five: (5 + 1) / (2 + 1)
    assert Sought(True, [False] * 4, [0.0] * 4).ranks() == ([], [])


def test_many_pictures_are_searched_in_parts():
    scores = np.arange(2.5 * AMONG)[::-1]
    shown = np.zeros(len(scores), bool)
    shown[[3, AMONG + 1, 2 * AMONG]] = True
    ranks, _ = Sought(True, shown.tolist(), scores.tolist()).ranks()
    assert ranks == [4, 2]  # the last half is no whole part


# -- figures and claims --------------------------------------------------------------------------


def result(model="end-to-end", seed=0, level=0.5, told=0.6, place=1, **changes) -> Result:
    """A made-up result of four pictures."""
    drawn = {key: [level - 0.01, level, level + 0.01] for key in ("map", "detmap", "ap50")}
    scores = {key: level for key in drawn}
    facts = {"told": [told] * 4, "true": [0.9, None, 0.9, 0.9], "words": [20.0] * 4}
    regions = Told(scores, drawn, **facts, groups={"object": [10, 6]})
    low = {key: [value / 10 for value in row] for key, row in drawn.items()}
    whole = Told({key: level / 10 for key in drawn}, low, [0.2] * 4, [1.0] * 4, [5.0] * 4)
    scores = [-5.0, -4.0, -3.0, -2.0]
    shown = [number == 4 - place for number in range(4)]
    sought = {"a red car": Sought(True, shown, scores)}
    made = Result(model, seed, list("abcd"), "StemMatch", {REGIONS: regions, WHOLE: whole},
                  sought, [], 30.0, 1000)  # fmt: skip
    for key, value in changes.items():
        setattr(made, key, value)
    return made


def test_results_survive_their_file(tmp_path):
    kept = result()
    again = Result.from_json(json.loads(json.dumps(kept.as_json())))
    assert again == kept
    with pytest.raises(CnnRnnError, match="not a value a picture"):
        Result.from_json(result(ids=["a"]).as_json())
    with pytest.raises(CnnRnnError, match="no judged regions"):
        Result.from_json({"model": "x"})


def test_figures_over_seeds_by_hand():
    table = Table("some", [result(seed=0, level=0.4), result(seed=1, level=0.6)])
    figure = table.precision("end-to-end", "map")
    assert figure.value == pytest.approx(0.5) and 0.38 <= figure.low < 0.5 < figure.high <= 0.62
    gain = table.precision_gain(("end-to-end", REGIONS), ("end-to-end", WHOLE), "map")
    assert gain.value == pytest.approx(0.45)
    assert table.share("end-to-end", "told").value == pytest.approx(0.6)
    assert table.share("end-to-end", "true").value == pytest.approx(0.9)  # of three pictures
    assert table.share_gain("end-to-end", "told").value == pytest.approx(0.4)
    assert table.groups("end-to-end", REGIONS) == {"object": 0.6}
    places, chance = table.ranks("end-to-end", ["a red car"])
    assert places.tolist() == [1, 1] and chance == 2.5


def test_the_name_of_mean_average_precision_tells_the_language_score():
    assert Table("some", [result()]).map_key == "map_StemMatch"
    assert Table("some", [result(language="METEOR")]).map_key == "map"
    with pytest.raises(CnnRnnError, match="judged by METEOR and by StemMatch"):
        Table("some", [result(), result(seed=1, language="METEOR")])


def verdicts(*results: Result) -> list:
    return [claim.held for claim in claims(Table("some", results))]


def test_claims_that_hold():
    frozen = result("frozen", level=0.3)
    mute = result("no-words", level=0.4, sought={})
    del mute.ways[WHOLE]
    mute.ways[REGIONS].told = []
    assert verdicts(result(), frozen, mute) == [True] * 5


def test_claims_that_do_not():
    worse = result(told=0.1, place=4)
    worse.sought["a red car"].shows = [False, False, False, False]
    assert verdicts(worse, result("frozen", level=0.5), result("no-words", level=0.7)) == [
        False, True, False, False, True,
    ]  # fmt: skip
    far = result(sought={"a red car": Sought(True, [True, *[False] * 7], list(range(8)))})
    assert verdicts(far)[-1] is False


def test_claims_that_nothing_can_tell():
    found = claims(Table("some", [result(sought={})]))
    assert [claim.verdict for claim in found] == ["held", "held", *["not tested"] * 3]


def test_a_comparison_for_people_and_for_programs(tmp_path, capsys):
    seen = {"a dog": Sought(False, [True, False, False, False], [3.0, 2.0, 1.0, 0.0])}
    table = Table("some", [result(samples=[{"boxes": [[0, 0, 9, 9]], "phrases": ["a cup"],
                                            "sentence": "a <b> table"}]), result("frozen"),
                           result("frozen", seed=1) , result("no-words", sought=seen)])  # fmt: skip
    found = claims(table)
    show(table, found, json=False)
    said = capsys.readouterr().out
    assert "map_StemMatch" in said and "not held" in said and "0.600" in said
    show(table, found, json=True)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["model"] for row in rows[:3]] == ["end-to-end", "frozen", "no-words"]
    assert all(row["language"] == "StemMatch" for row in rows[:3])
    assert {row["pair"] for row in rows if "pair" in row} == {"seen", "unseen"}
    array = np.zeros((20, 20, 3), np.uint8)
    example = Example("a", Source("a.png", array=array), (), "test", (20, 20))
    write_page(tmp_path / "report.html", table, found, [example] * 4, quick=True)
    page = (tmp_path / "report.html").read_text()
    assert "Unseen combinations" in page and "a &lt;b&gt; table" in page and "a cup" in page


# -- the plan and the command --------------------------------------------------------------------


def test_what_is_compared():
    whole = compare.plan(TrainSettings(), None, None, False)
    assert whole.variants == compare.VARIANTS and whole.seeds == 3
    assert whole.base.without == list(compare.UNSEEN)
    assert set(whole.phrases) == {*compare.UNSEEN, *compare.SEEN}
    assert whole.settings("frozen", 2).frozen and whole.settings("frozen", 2).seed == 2
    assert whole.settings("no-words", 0).loss_weights == [0.1, 0.05, 0.1, 0.1, 0.0]
    quick = compare.plan(TrainSettings(limit=50), ["end-to-end"], None, True)
    assert (quick.base.limit, quick.base.epochs, quick.seeds) == (50, 3, 1)
    own = compare.plan(TrainSettings(data="regions.csv"), None, 1, False)
    assert own.base.without is None and not own.phrases
    with pytest.raises(UsageError, match="no variant 'vgg'"):
        compare.plan(TrainSettings(), ["vgg"], None, False)
    with pytest.raises(UsageError, match="--frozen is one of the variants"):
        compare.plan(TrainSettings(frozen=True), None, None, False)


@pytest.mark.slow
def test_compare_goes_on_where_it_was_stopped(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    given = ["compare", *SMALL, "--limit", 30, "--epochs", 1, "--seeds", 1]
    assert call(*given) == 0
    said = capsys.readouterr()
    assert "[3/3] no-words" in said.err and "held" in said.out and "the data itself" in said.out
    place = Path("runs/compare/densecap-scenes")
    (place / "densecap" / "frozen-0" / "judged.json").unlink()
    assert call(*given, "--json") == 0
    said = capsys.readouterr()
    assert "[2/3] frozen" in said.err and "[1/3]" not in said.err
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert sum("claim" in row for row in rows) == 5
    assert os.path.getsize(place / "report.html") > 10_000
    assert call(*given, "--hidden", 9) == 1
    assert "holds a comparison with other options" in capsys.readouterr().err
