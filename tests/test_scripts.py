"""Scripts of texts, and the warning of captions in several."""

from __future__ import annotations

import pytest
from caption_helpers import picture, write

from cnnrnn.caption.check import check
from cnnrnn.caption.data import load
from cnnrnn.text.scripts import SPACELESS, language_of, script_of
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.text.vocabulary import Vocabulary


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("a dog runs", "Latin"),
        ("un chien près d'une façade", "Latin"),
        ("一只狗在跑", "Chinese or Japanese"),
        ("犬が走っている", "Chinese or Japanese"),
        ("一只狗穿着T恤", "Chinese or Japanese"),
        ("собака бежит", "Cyrillic"),
        ("개가 달린다", "Korean"),
        ("สุนัขวิ่ง", "Thai"),
        ("ａ ｄｏｇ", "Latin"),  # wide letters
        ("12 + 3!", ""),
        ("", ""),
    ],
)
def test_the_script_of_most_letters(text, script):
    assert script_of(text) == script


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("A dog runs on the beach", "English"),
        ("Un chien court sur la plage", "French"),
        ("Ein Hund rennt auf dem Strand", "German"),
        ("Un perro corre por la playa y el hombre mira", "Spanish"),
        ("Il cane corre sulla spiaggia", "Italian"),
        ("Um cão corre na praia", "Portuguese"),
        ("Twee honden rennen naar het strand", "Dutch"),
        ("dog", ""),
    ],
)
def test_the_language_of_small_words(text, language):
    assert language_of(text) == language


def test_scripts_without_spaces():
    assert script_of("一只狗") in SPACELESS and script_of("a dog") not in SPACELESS


def warnings(folder, captions, tokenizer="words") -> list[str]:
    """What the data check warns of."""
    rows = ["image,caption"]
    for number, text in enumerate(captions):
        picture(folder / f"{number}.png", number)
        rows.append(f"{number}.png,{text}")
    data = load(str(write(folder / "captions.csv", "\n".join(rows) + "\n")))
    cut = Tokenizer(tokenizer)
    texts = [cut(text) for each in data.examples for text in each.captions]
    found = check(data, Vocabulary.build(texts, 1, tokenizer))
    told = ("scripts", "languages", "--tokenizer")
    return [each for each in found.warnings if any(word in each for word in told)]


def test_captions_in_two_scripts_are_warned_of(tmp_path):
    assert warnings(tmp_path, ["a dog", "a cat", "一只狗"]) == [
        "Chinese or Japanese needs --tokenizer characters: no space parts its words",
        "the captions are in several scripts: Latin 2, Chinese or Japanese 1 (train with one "
        "language at a time)",
    ]


def test_chinese_in_words_is_warned_of(tmp_path):
    assert warnings(tmp_path, ["一只狗在跑", "一只猫"]) == [
        "Chinese or Japanese needs --tokenizer characters: no space parts its words"
    ]


def test_captions_in_two_languages_of_one_script_are_warned_of(tmp_path):
    captions = ["a dog on the beach", "two men with a ball", "un chien sur la plage"]
    assert warnings(tmp_path, captions) == [
        "the captions are in several languages: English 2, French 1 (train with one language at a "
        "time)"
    ]


def test_one_name_among_many_captions_is_no_second_language(tmp_path):
    captions = ["a dog on the beach"] * 60 + ["hotel el sol y mar"]
    assert warnings(tmp_path, captions) == []


def test_who_cuts_characters_is_not_told_to(tmp_path):
    (line,) = warnings(tmp_path, ["a dog", "一只狗"], "characters")
    assert line.endswith("(train with one language at a time)")


def test_one_script_is_no_warning(tmp_path):
    assert warnings(tmp_path, ["a dog", "un chien près d'ici", "123"]) == []
