"""Caption scores: golden numbers, values worked out by hand, and METEOR's process.

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
from cnnrnn.text import meteor as meteor_program
from cnnrnn.text import metrics, ptb

needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="METEOR needs Java")

REFERENCES = {
    "1": ["A dog runs on the grass .", "A brown dog is running."],
    "2": ["Two men ride a bike.", "People on a bicycle"],
    "3": ["A cat sleeps"],
}
CAPTIONS = {"1": "a dog runs on grass", "2": "two men on a bike", "3": "a dog sleeps"}


@pytest.fixture
def no_shared_program(monkeypatch):
    """For tests that replace Java: they must not meet a real program, nor leave a false one."""
    monkeypatch.setattr(meteor_program, "_shared", None)
    yield
    if meteor_program._shared is not None:
        meteor_program._shared.close()


# --- golden numbers


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


def flickr8k(shared_data: Path, only_dev: bool = True) -> dict[str, list[str]]:
    folder = shared_data / "flickr8k"
    captions: dict[str, list[str]] = {}
    for line in (folder / "Flickr8k.token.txt").read_text(encoding="utf-8").splitlines():
        name, text = line.split("\t")
        captions.setdefault(name.split("#")[0], []).append(text)
    if not only_dev:
        return captions
    dev = (folder / "Flickr_8k.devImages.txt").read_text().split()
    return {name: captions[name] for name in dev}


def cases(shared_data: Path) -> dict[str, tuple[dict, dict]]:
    """References and captions for each entry of the golden file."""
    dev = flickr8k(shared_data)
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


# --- tokens


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("A man's dog doesn't run.", "a man 's dog does n't run"),
        ("They can't; I cannot -- gonna!", "they ca n't i can not gon na"),
        ('"Hi," (left) he said...', "hi -lrb- left -rrb- he said"),
        ("a black-and-white T-shirt - 3.5 m, 1,000", "a black-and-white t-shirt 3.5 m 1,000"),
        (
            "Mr. Smith in the U.S. at 5 p.m. on St. Paul",
            "mr. smith in the u.s. at 5 p.m. on st. paul",
        ),
        ("the end. vitamin c.", "the end vitamin c"),
        ("what?! 50% #1 & R&B", "what ?! 50 % # 1 & r&b"),
        ("o'clock rock 'n' roll '70s dogs' it’s", "o'clock rock 'n' roll '70s dogs it 's"),
        ("and/or 1/2 no. 5, no way", "and/or 1/2 no. 5 no way"),
        ("caf\u00e9 \U0001f600 \u2014 \u00bd \u2026", "caf\u00e9 1/2"),
        ("", ""),
        (" . , ' ", ""),
    ],
)
def test_reference_tokens(text, tokens):
    assert " ".join(ptb.tokenize(text)) == tokens


def java_tokens(captions: list[str]) -> list[list[str]]:
    from importlib.util import find_spec

    tokenizer = Path(find_spec("pycocoevalcap.tokenizer.ptbtokenizer").origin).parent
    command = ["java", "-Dfile.encoding=UTF-8", "-cp", str(next(tokenizer.glob("*.jar")))]
    command += ["edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"]
    output = subprocess.run(
        command, input="\n".join(captions).encode(), capture_output=True, check=True
    ).stdout.decode()
    dropped = {"''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"}
    return [[w for w in line.split() if w not in dropped] for line in output.split("\n")]


@needs_java
def test_tokens_of_all_flickr8k_captions_are_java_s(shared_data):
    captions = [text for texts in flickr8k(shared_data, False).values() for text in texts]
    lines = java_tokens(captions)[: len(captions)]
    assert len(lines) == len(captions) > 30_000
    different = [
        text for text, line in zip(captions, lines, strict=True) if ptb.tokenize(text) != line
    ]
    assert different == []


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


def test_interval_of_a_mean():
    values = np.random.default_rng(0).normal(5, 2, 400)
    low, high = metrics.bootstrap_interval(values, seed=1)
    assert (low, high) == metrics.bootstrap_interval(values, seed=1)
    # The normal interval: 1.96 standard errors on both sides of the mean.
    error = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - error, abs=0.03)
    assert high == pytest.approx(values.mean() + error, abs=0.03)
    narrow = metrics.bootstrap_interval(values, seed=1, level=0.5)
    assert low < narrow[0] < narrow[1] < high
    assert metrics.bootstrap_interval(np.ones(3)) == (1, 1)
    with pytest.raises(CnnRnnError, match="at least one"):
        metrics.bootstrap_interval(np.array([]))


def test_pairing_sees_a_difference_smaller_than_the_spread():
    generator = np.random.default_rng(0)
    first = generator.normal(0, 5, 300)
    second = first - 0.2 + generator.normal(0, 0.1, 300)
    value, low, high = metrics.paired_difference(first, second)
    assert value == pytest.approx((first - second).mean())
    assert 0.18 < low < value < high < 0.22
    with pytest.raises(CnnRnnError, match="300 and 2 values"):
        metrics.paired_difference(first, first[:2])


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


# --- METEOR


@needs_java
def test_meteor_process():
    """One process for all scores, equal to its own figures, gone after close, back after death."""
    found = metrics.score(REFERENCES, {**CAPTIONS, "2": "", "3": "A cat sleeps"})
    program = meteor_program.shared()
    assert found.missing == {}
    assert found.each["METEOR"][1:] == pytest.approx([0, 1])
    assert found.of("METEOR", np.array([0])) == pytest.approx(found.each["METEOR"][0])
    stats = " ||| ".join(" ".join(map(str, row)) for row in found.counts["METEOR"])
    program._process.stdin.write(f"EVAL ||| {stats}\n".encode())
    program._process.stdin.flush()
    *each, overall = (float(program._process.stdout.readline()) for _ in range(4))
    assert found.each["METEOR"] == pytest.approx(each, abs=1e-12)
    assert found.overall["METEOR"] == pytest.approx(overall, abs=1e-12)

    metrics.score(REFERENCES, CAPTIONS)
    assert meteor_program.shared() is program
    program.close()
    assert program._process.returncode is not None  # waited for: no zombie
    program.close()
    with pytest.raises(CnnRnnError, match="METEOR's Java program failed"):
        program.counts([["a"]], ["a"])
    assert meteor_program.shared() is not program


def test_without_java_only_meteor_is_missing(no_shared_program, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = metrics.score(REFERENCES, CAPTIONS)
    assert "no java is on the PATH" in found.missing["METEOR"]
    assert list(found.overall) == [key for key in metrics.KEYS if key != "METEOR"]


LINE = " ".join(["1.0"] * 23)


@pytest.mark.parametrize(
    "script, reason",
    [
        ("echo Could not reserve enough space >&2; exit 1", "Could not reserve enough space"),
        ("exit 3", "it ended with status 3"),
        (f"read line; echo {LINE}; echo died >&2", "died"),
        ("read line; echo nonsense; cat", "unexpected answer 'nonsense'"),
        ("read line; echo 1.0 2.0; cat", "unexpected answer '1.0 2.0'"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="the false Java is a shell script")
def test_a_failing_program_is_told(no_shared_program, monkeypatch, tmp_path, script, reason):
    java = tmp_path / "java"
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = metrics.score(REFERENCES, CAPTIONS)
    assert reason in found.missing["METEOR"]
    assert "METEOR" not in found.overall and "METEOR" not in found.each
    assert found.overall["CIDEr"] > 0
    assert not meteor_program._shared.running
    assert meteor_program._shared._process.returncode is not None


def test_a_java_that_does_not_start_is_told(no_shared_program, monkeypatch, tmp_path):
    java = tmp_path / "java"
    java.write_bytes(b"\x7fELF not really")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "does not start" in metrics.score(REFERENCES, CAPTIONS).missing["METEOR"]


@pytest.mark.skipif(os.name != "posix", reason="the false Java is a shell script")
def test_interrupted_in_an_answer_the_program_is_closed(no_shared_program, monkeypatch, tmp_path):
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\nexec cat >/dev/null\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    program = meteor_program.Meteor()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "_ask", interrupt)
    with pytest.raises(KeyboardInterrupt):
        program.counts([["a"]], ["a"])
    assert not program.running


def test_the_metrics_package_is_imported_only_to_score():
    code = (
        "import sys; from cnnrnn.text import metrics; "
        "assert not any(name.startswith('pycocoevalcap') for name in sys.modules); "
        "metrics.score({'a': ['a dog']}, {'a': 'a dog'}, meteor=False); "
        "assert not any('spice' in name or 'ptbtokenizer' in name for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ})
