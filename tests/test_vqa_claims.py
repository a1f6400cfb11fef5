"""Claims about questions, read off a comparison's figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnnrnn.errors import CnnRnnError
from cnnrnn.vqa.claims import claims
from cnnrnn.vqa.compare_report import show
from cnnrnn.vqa.compare_results import OWN, Result, Table
from cnnrnn.vqa.judge import SHUFFLED

N = 200
KINDS = ["two-step", "chained"] * (N // 2)
UNIFORM = {"anchor": 0.03, "container": 0.07, "content": 0.03}


def result(model: str, right: float, shares: dict | None = None, shuffled: float | None = 0.2):
    """A training whose first answers are right, of each kind the same share."""
    values = {OWN: (np.arange(N) < right * N).astype(float)}
    if shuffled is not None:
        values[SHUFFLED] = (np.arange(N) < shuffled * N).astype(float)
    ids = list(map(str, range(N)))
    return Result(model, 0, ids, KINDS, values, {kind: shares for kind in KINDS} if shares else {})


def verdicts(*results: Result) -> dict[str, bool | None]:
    return {claim.text: claim.held for claim in claims(Table("scenes", results))}


def looks(first: dict, second: dict) -> dict[str, bool | None]:
    """What is said of maps with these shares."""
    shares = {"hop 1": UNIFORM | first, "hop 2": UNIFORM | second, "uniform": UNIFORM}
    found = verdicts(result("san", 0.8, shares))
    return {text.split()[0]: held for text, held in found.items() if "is looked at" in text}


def test_a_model_that_sees_and_looks_twice():
    found = verdicts(
        result("san", 0.8), result("san-1", 0.5), result("lstm-cnn", 0.6),
        result("question-only", 0.2, shuffled=None),
    )  # fmt: skip
    assert found["the picture is needed: every model that sees is far above question-only"]
    assert found["with another picture a model loses its advantage"]
    assert found["a second hop helps on two-step questions"]
    assert found["a second hop helps on chained questions"]
    assert found["looking at places beats one vector for the whole picture"]
    assert found["different structures suit different kinds of question"] is False


def test_what_does_not_hold_is_told():
    found = verdicts(
        result("san", 0.5), result("san-1", 0.5), result("lstm-cnn", 0.22, shuffled=0.22),
        result("question-only", 0.2, shuffled=None),
    )  # fmt: skip
    assert not found["the picture is needed: every model that sees is far above question-only"]
    assert not found["with another picture a model loses its advantage"]
    assert not found["a second hop helps on chained questions"]


@pytest.mark.parametrize(
    ("first", "second", "held"),
    [
        ({"anchor": 0.5}, {"content": 0.5}, {"two-step": False, "chained": True}),
        ({"container": 0.5}, {"content": 0.5}, {"two-step": True, "chained": False}),
        ({"container": 0.5, "anchor": 0.5}, {}, {"two-step": False, "chained": False}),
        (
            {"container": 0.5, "anchor": 0.5, "content": 0.6}, {"content": 0.5},
            {"two-step": False, "chained": False},
        ),
    ],
)  # fmt: skip
def test_first_what_is_named_then_the_content(first, second, held):
    assert looks(first, second) == held


def test_real_and_abstract_pictures_stand_apart(capsys):
    domains = ["real"] * 50 + ["abstract"] * 150
    kept = replace(result("san", 0.5), domains=domains)
    found = Table("both", [Result.from_json(kept.as_json())])
    assert found.domains == ["real", "abstract"]
    assert found.accuracy("san", domain="real").value == 1
    assert found.accuracy("san", domain="abstract").value == pytest.approx(50 / 150)
    assert found.row("san")["abstract pictures"] == found.accuracy("san", domain="abstract")
    show(found, [], json=False)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("real pictures") and " 1.000 (" in line for line in lines)
    assert any(line.startswith("abstract pictures") and " 0.333 (" in line for line in lines)
    show(Table("neither", [result("san", 0.5)]), [], json=False)
    assert "pictures" not in capsys.readouterr().out.replace(SHUFFLED, "")
    with pytest.raises(CnnRnnError, match="these are no answers"):
        Result.from_json(kept.as_json() | {"domains": ["real"]})
