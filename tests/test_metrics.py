"""Caption scores: golden numbers, values worked out by hand, intervals.

The golden numbers are of pycocoevalcap with Java tokens; here only METEOR asks Java.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.text import metrics

needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="METEOR needs Java")

REFERENCES = {
    "1": ["A dog runs on the grass .", "A brown dog is running."],
    "2": ["Two men ride a bike.", "People on a bicycle"],
    "3": ["A cat sleeps"],
}
CAPTIONS = {"1": "a dog runs on grass", "2": "two men on a bike", "3": "a dog sleeps"}


def golden(shared_data: Path) -> dict:
    path = shared_data / "reference" / "caption" / "pycocoevalcap_golden.json"
    return json.loads(path.read_text())


def example(shared_data: Path) -> tuple[dict, dict]:
    folder = shared_data / "reference" / "caption"
    said, *written = (
        (folder / f"nlgeval_{name}.txt").read_text().splitlines()
        for name in ("hyp", "ref1", "ref2")
    )
    references = {
        str(number): list(texts) for number, texts in enumerate(zip(*written, strict=True))
    }
    return references, {str(number): text for number, text in enumerate(said)}


def flickr8k_dev(shared_data: Path) -> dict[str, list[str]]:
    folder = shared_data / "flickr8k"
    captions: dict[str, list[str]] = {}
    for line in (folder / "Flickr8k.token.txt").read_text(encoding="utf-8").splitlines():
        name, text = line.split("\t")
        captions.setdefault(name.split("#")[0], []).append(text)
    return {
        name: captions[name] for name in (folder / "Flickr_8k.devImages.txt").read_text().split()
    }


def cases(shared_data: Path) -> dict[str, tuple[dict, dict]]:
    """References and captions for each entry of the golden file."""
    dev = flickr8k_dev(shared_data)
    found = {
        "nlg_eval_example": example(shared_data),
        "constant_a_dog_is_running_through_the_grass": (
            dev,
            dict.fromkeys(dev, "a dog is running through the grass"),
        ),
    }
    for k in range(5):
        others = {name: texts[:k] + texts[k + 1 :] for name, texts in dev.items()}
        found[f"human_{k}_vs_other4"] = others, {name: texts[k] for name, texts in dev.items()}
    return found


def check_golden(shared_data: Path, names: set[str], meteor: bool) -> None:
    expected = golden(shared_data)
    assert set(cases(shared_data)) == set(expected) - {"data"}
    for name in names:
        found = metrics.score(*cases(shared_data)[name], meteor=meteor).overall
        wanted = {key: value for key, value in expected[name].items() if meteor or key != "METEOR"}
        wanted["CIDEr"] = wanted.pop("CIDEr-D")
        assert found == pytest.approx(wanted, abs=1e-6), name
        assert list(found) == [key for key in metrics.KEYS if key in wanted]


@pytest.mark.parametrize("name", ["nlg_eval_example", "human_0_vs_other4"])
def test_golden_without_java(shared_data, name):
    check_golden(shared_data, {name}, meteor=False)


@needs_java
def test_golden_with_meteor(shared_data):
    check_golden(shared_data, {"nlg_eval_example"}, meteor=True)


@needs_java
@pytest.mark.slow
def test_all_golden_numbers(shared_data):
    names = set(golden(shared_data)) - {"data"}
    assert len(names) == 7
    check_golden(shared_data, names, meteor=True)


# --- scores


def test_a_perfect_caption_scores_one():
    found = metrics.score(
        {"a": ["one two three four five"], "b": ["six seven eight nine ten"]},
        {"a": "One two three four five!", "b": "six seven eight nine ten"},
        meteor=False,
    )
    for key in (*metrics.BLEU_KEYS, "ROUGE_L"):
        assert found.overall[key] == pytest.approx(1, abs=1e-6)
    assert found.overall["CIDEr"] == pytest.approx(10)


def test_values_worked_out_by_hand():
    found = metrics.score(
        {"a": ["a b c d"], "b": ["p q r"]}, {"a": "a b x", "b": "p q r"}, meteor=False
    )
    # 2 + 3 of 6 words match; 6 words against 7 (brevity).
    assert found.overall["Bleu_1"] == pytest.approx(5 / 6 * math.exp(1 - 7 / 6), abs=1e-6)
    # Common subsequence 2: precision 2/3, recall 2/4, beta 1.2.
    rouge = 2.44 * (2 / 3) * 0.5 / (0.5 + 1.44 * 2 / 3)
    assert found.each["ROUGE_L"] == pytest.approx([rouge, 1])
    assert found.overall["ROUGE_L"] == pytest.approx((rouge + 1) / 2)
    # All words are in one of two references, so all weigh log 2: cosines 2/sqrt(12) for words,
    # 1/sqrt(6) for pairs, 0 for longer ones; lengths counted in pairs differ by 1.
    penalty = math.exp(-1 / 72)
    assert found.each["CIDEr"][0] == pytest.approx(
        10 / 4 * penalty * (2 / math.sqrt(12) + 1 / math.sqrt(6))
    )
    assert found.ids == ("a", "b")
    assert found.missing == {"METEOR": "was not asked for"}


def test_bleu_of_the_set_is_not_the_mean_but_of_summed_counts():
    found = metrics.score(REFERENCES, CAPTIONS, meteor=False)
    for key in metrics.KEYS:
        if key in found.overall:
            assert found.of(key, np.arange(3)) == pytest.approx(found.overall[key], abs=1e-12)
    assert found.overall["Bleu_1"] != pytest.approx(found.each["Bleu_1"].mean(), abs=1e-3)
    for item in range(3):
        assert found.of("Bleu_2", np.array([item])) == pytest.approx(found.each["Bleu_2"][item])


def test_an_empty_caption_scores_nothing():
    found = metrics.score(REFERENCES, {**CAPTIONS, "2": "", "3": "..."}, meteor=False)
    for key in ("Bleu_1", "ROUGE_L", "CIDEr"):
        assert found.each[key][0] > 0.1
        assert found.each[key][1:] == pytest.approx([0, 0], abs=1e-6)
    nothing = metrics.score({"a": ["!"]}, {"a": "a dog"}, meteor=False)
    assert nothing.overall == pytest.approx(dict.fromkeys(nothing.overall, 0.0), abs=1e-9)


def test_chinese_is_scored_by_characters():
    references = {"a": ["一只狗在草地上跑。"], "b": ["两个人骑自行车"]}
    captions = {"a": "一只狗 在跑", "b": "两个人骑自行车。"}
    found = metrics.score(references, captions, tokenizer="characters")
    assert found.missing == {"METEOR": "knows English words only"}
    assert found.of("Bleu_1", np.array([0])) == pytest.approx(math.exp(1 - 8 / 5), abs=1e-6)
    assert found.each["ROUGE_L"][1] == 1
    # By words a sentence without spaces is one word, and a partly right one is all wrong.
    assert metrics.score(references, captions, meteor=False).each["ROUGE_L"][0] == 0


def test_nothing_is_printed(capfd):
    metrics.score(REFERENCES, CAPTIONS, meteor=False)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "references, captions, message",
    [
        ({}, {}, "nothing to score"),
        (REFERENCES, {"1": "a"}, "2 items have references but no caption, such as '2'"),
        (
            REFERENCES,
            {**CAPTIONS, "9": "a"},
            "1 items have a caption but no references, such as '9'",
        ),
        ({"1": []}, {"1": "a"}, "references of '1'"),
        ({"1": "a dog"}, {"1": "a"}, "references of '1'"),
        ({"1": ["a dog", None]}, {"1": "a"}, "not a text"),
        ({"1": ["a dog"]}, {"1": ["a"]}, "not a text"),
    ],
)
def test_wrong_input_is_told(references, captions, message):
    with pytest.raises(CnnRnnError, match=message):
        metrics.score(references, captions, meteor=False)


def test_unknown_tokenizer_is_told():
    with pytest.raises(UsageError, match="words, characters"):
        metrics.score(REFERENCES, CAPTIONS, tokenizer="bytes")


# --- intervals


def test_intervals_of_scores():
    references = {str(n): [f"a dog runs in field {n}"] for n in range(40)}
    good = {str(n): f"a dog runs in field {n % 20}" for n in range(40)}
    worse = {str(n): f"a dog in field {n % 10}" for n in range(40)}
    first, second = (metrics.score(references, said, meteor=False) for said in (good, worse))
    for key in first.overall:
        low, high = first.interval(key, seed=3)
        assert low < first.overall[key] < high
        difference = first.difference(second, key)
        assert 0 < difference.low < difference.value < difference.high
    assert first.difference(first, "Bleu_4") == (0, 0, 0)
    with pytest.raises(CnnRnnError, match="different pictures"):
        first.difference(metrics.score(REFERENCES, CAPTIONS, meteor=False), "CIDEr")


def test_the_metrics_package_is_imported_only_to_score():
    code = (
        "import sys; from cnnrnn.text import metrics; "
        "assert not any(name.startswith('pycocoevalcap') for name in sys.modules); "
        "metrics.score({'a': ['a dog']}, {'a': 'a dog'}, meteor=False); "
        "assert not any('spice' in name or 'ptbtokenizer' in name for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ})
