"""What the course says of regions, tested on a comparison's figures; printed, never arranged."""

from __future__ import annotations

import numpy as np

from cnnrnn.densecap.compare_results import AMONG, DATA, REGIONS, WHOLE, Table
from cnnrnn.intervals import bootstrap
from cnnrnn.training.comparison import Claim, listed

WHOLLY, FROZEN, MUTE = "end-to-end", "frozen", "no-words"
NEAR = 5  # place among AMONG pictures that still counts as found


def claims(table: Table) -> list[Claim]:
    """The claims in the order of the course."""
    return [
        _tell_more(table),
        _places(table),
        _end_to_end(table),
        _words_help(table),
        _new_combinations(table),
    ]


def _tell_more(table: Table) -> Claim:
    """Held where every model that speaks tells more by regions than by one sentence, its interval
    too."""
    text = "dense phrases tell more of a picture than one sentence for all of it"
    models = [model for model in table.by_model if table.has(model, WHOLE, "told")]
    models = [model for model in models if table.has(model, REGIONS, "map")]
    if not models:
        return Claim(text, None, "no model that speaks was compared")
    gains = {model: table.share_gain(model, "told") for model in models}
    best = models[0]
    numbers = (
        f"{listed(gains, signed=True)}; {best}: {table.share(best, 'told')} of the facts, "
        f"one sentence {table.share(best, 'told', WHOLE)}; true of what is told: "
        f"{table.share(best, 'true').value:.3f} and {table.share(best, 'true', WHOLE).value:.3f}"
    )
    if table.has(DATA, WHOLE, "told"):
        numbers += f"; a sentence of {DATA} tells {table.share(DATA, 'told', WHOLE)}"
    return Claim(text, all(gain.low > 0 for gain in gains.values()), numbers)


def _places(table: Table) -> Claim:
    """Held where mean average precision is above that of one sentence, the interval too."""
    text = "boxes with phrases beat the whole picture with one"
    models = [model for model in table.by_model if table.has(model, WHOLE, "map")]
    if not models:
        return Claim(text, None, "no model that speaks was compared")
    gains = {
        model: table.precision_gain((model, REGIONS), (model, WHOLE), "map") for model in models
    }
    numbers = f"{table.map_key} {listed(gains, signed=True)}"
    return Claim(text, all(gain.low > 0 for gain in gains.values()), numbers)


def _end_to_end(table: Table) -> Claim:
    """Held where the trained CNN's mean average precision is above the frozen one's, the interval
    too."""
    text = "training the CNN too beats a frozen one"
    if not {WHOLLY, FROZEN} <= table.by_model.keys():
        return Claim(text, None, f"{WHOLLY} and {FROZEN} were not both compared")
    gain = table.precision_gain((WHOLLY, REGIONS), (FROZEN, REGIONS), "map")
    boxes = table.precision_gain((WHOLLY, REGIONS), (FROZEN, REGIONS), "detmap")
    numbers = (
        f"{table.map_key} {table.precision(WHOLLY, 'map')} is {gain.signed} against frozen, "
        f"detmap {boxes.signed}"
    )
    return Claim(text, gain.low > 0, numbers)


def _words_help(table: Table) -> Claim:
    """Held where boxes are better with the language loss than without, the interval too."""
    text = "learning the words makes better boxes"
    if not {WHOLLY, MUTE} <= table.by_model.keys():
        return Claim(text, None, f"{WHOLLY} and {MUTE} were not both compared")
    gain = table.precision_gain((WHOLLY, REGIONS), (MUTE, REGIONS), "detmap")
    numbers = (
        f"detmap {table.precision(WHOLLY, 'detmap')} is {gain.signed} against boxes without words"
    )
    return Claim(text, gain.low > 0, numbers)


def _new_combinations(table: Table) -> Claim:
    """Held where the median place of the best model's unseen pairs is NEAR or better."""
    text = f"words in new combinations are found: median place at most {NEAR} of {AMONG} pictures"
    phrases = table.phrases(unseen=True)
    models = [model for model in table.by_model if len(table.ranks(model, phrases)[0])]
    if not models:
        return Claim(text, None, "nothing was held out of the trainings")
    model = WHOLLY if WHOLLY in models else models[0]
    places, chance = table.ranks(model, phrases)
    low, high = bootstrap(lambda items: float(np.median(places[items])), len(places))
    numbers = (
        f"{model}: median place {np.median(places):g} ({low:g} to {high:g}) of {len(places)} "
        f"searches, by lot {chance:.0f}"
    )
    return Claim(text, float(np.median(places)) <= NEAR, numbers)
