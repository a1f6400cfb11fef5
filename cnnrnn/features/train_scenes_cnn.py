"""Trains the backbone `scenes` on what is where in pictures of the built-in data set.

    python -m cnnrnn.features.train_scenes_cnn          (or: make backbone)

About ten minutes of one core. Every picture is a new one of the split `train`, so no picture is
seen twice; the last lines tell how much of `val` the network reads. Two kinds of target:

    cell   of each cell of the grid: kind, colour, texture and size of the thing that fills it,
           the edges of its box, how it is turned, how far its door is open, the parts in sight
    image  of the whole: which kind is there in which colour, in which ninth of the picture, in
           which relation, how often; the background. Read off `pooled` and off the grid's average.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn import backend, console, scenes
from cnnrnn.features import scenes_cnn
from cnnrnn.files import atomic_write
from cnnrnn.scenes import sketches
from cnnrnn.scenes.draw import layout
from cnnrnn.scenes.world import ALL_KINDS, BACKGROUNDS, COLOURS, RELATIONS, SIZES, TEXTURES

WEIGHTS = Path(__file__).parent / "weights" / "scenes.weights.h5"
BATCH, STEPS, WARM_UP, RATE, SEED = 32, 2400, 60, 3e-3, 0
# One flag in fifty is up, so a mean over flags is small beside the losses of the cells.
IMAGE_WEIGHT = 60.0
CELLS = scenes_cnn.SIZE // scenes_cnn.STRIDE

_NAMES = {
    "kind": ALL_KINDS, "colour": tuple(COLOURS), "texture": TEXTURES, "size": tuple(SIZES),
}
PARTS = tuple(dict.fromkeys(part for kind in ALL_KINDS for part in sketches.parts(kind)))
# A cell's target: one class each (the last one: nothing here), then numbers, then a flag per part.
CLASSES = {name: len(values) + 1 for name, values in _NAMES.items()}
NUMBERS = ("left", "top", "right", "bottom", "sine", "cosine", "open")
_FLAGS = 4 + len(NUMBERS)  # where the flags begin
_LOGITS = sum(CLASSES.values()) + len(NUMBERS) + len(PARTS)
# A picture's target, all of them flags: the labels of each group and how many.
GROUPS = {
    "colours": len(ALL_KINDS) * len(COLOURS), "places": len(ALL_KINDS) * 9,
    "relations": len(ALL_KINDS) * len(RELATIONS), "counts": len(ALL_KINDS) * 3,
    "backgrounds": len(BACKGROUNDS),
}
_FILLED = 12  # of a cell's 64 pixels: from there on the cell shows the thing
_SIGHTED = 6  # the same for a part
_TURNED = 0.3  # share of the things that are turned by lot in a varied scene


def varied(scene: scenes.Scene) -> scenes.Scene:
    """The same scene with doors and turns drawn by lot."""
    generator = np.random.default_rng([SEED, scene.index])
    things = []
    for thing in scene.things:
        changes = {"open": float(generator.random())}
        if thing.state.relation != "in" and generator.random() < _TURNED:
            changes["angle"] = float(generator.uniform(-180, 180))
        things.append(thing.now(**changes))
    return replace(scene, things=tuple(things))


def cell_targets(scene: scenes.Scene) -> np.ndarray:
    """What each cell shows: float32 (14, 14, 11 + parts).

    Four class numbers; the edges of the thing's box seen from the cell's middle in half pictures
    (left, top, right, bottom), sine and cosine of its angle, how far its door is open (NaN where it
    has none); a flag per part.
    """
    seen = layout(scene)
    target = np.zeros((CELLS, CELLS, _FLAGS + len(PARTS)), np.float32)
    target[..., :4] = [len(values) for values in _NAMES.values()]
    filled = np.stack([_per_cell(seen.things == i) for i in range(len(scene.things))], -1)
    shown = np.where(filled.max(-1) >= _FILLED, filled.argmax(-1), -1)
    middle = (np.arange(CELLS) + 0.5) * scenes_cnn.STRIDE
    middles = np.stack(np.meshgrid(middle, middle), -1)  # (14, 14, 2): x, y
    for index, thing in enumerate(scene.things):
        cells, mask = shown == index, seen.things == index
        if not cells.any():
            continue
        target[cells, :4] = [values.index(getattr(thing, n)) for n, values in _NAMES.items()]
        y, x = np.nonzero(mask)
        edges = np.array([x.min(), y.min(), x.max() + 1, y.max() + 1])
        away = edges - np.tile(middles[cells], 2)
        target[cells, 4:8] = away / (scenes_cnn.SIZE / 2)
        angle = np.radians(thing.state.angle)
        opened = thing.state.open if thing.kind == "house" else np.nan
        target[cells, 8:_FLAGS] = np.sin(angle), np.cos(angle), opened
        for number, part in enumerate(sketches.parts(thing.kind)):
            sighted = _per_cell(mask & (seen.parts == number + 1)) >= _SIGHTED
            target[sighted, _FLAGS + PARTS.index(part)] = 1
    return target


def _per_cell(mask: np.ndarray) -> np.ndarray:
    """How many pixels of each cell are set, (14, 14)."""
    stride = scenes_cnn.STRIDE
    return mask.reshape(CELLS, stride, CELLS, stride).sum((1, 3))


def image_targets(scene: scenes.Scene) -> np.ndarray:
    """float32 flags of the whole picture, in the order of GROUPS."""
    colours = np.zeros((len(ALL_KINDS), len(COLOURS)), np.float32)
    places = np.zeros((len(ALL_KINDS), 9), np.float32)
    relations = np.zeros((len(ALL_KINDS), len(RELATIONS)), np.float32)
    counts = np.zeros((len(ALL_KINDS), 3), np.float32)
    kinds = [ALL_KINDS.index(thing.kind) for thing in scene.things]
    for thing, kind in zip(scene.things, kinds, strict=True):
        colours[kind, tuple(COLOURS).index(thing.colour)] = 1
        state = thing.state
        column = min(int(state.x * 3 / 112), 2)
        row = int(np.clip((state.y - state.scale * 0.4) * 3 / 112, 0, 2))
        places[kind, 3 * row + column] = 1
        counts[kind] = kinds.count(kind) > np.arange(1, 4)
    for thing, relation, _ in scene.related():
        relations[ALL_KINDS.index(thing.kind), RELATIONS.index(relation)] = 1
    background = np.eye(len(BACKGROUNDS), dtype=np.float32)[BACKGROUNDS.index(scene.background)]
    flags = (colours, places, relations, counts, background)
    return np.concatenate([f.ravel() for f in flags])


def batches(split: str, first: int, count: int) -> Iterator[tuple]:
    """Batches of (pictures, (cell targets, image targets, image targets)), scene by scene."""
    for start in range(first, first + count, BATCH):
        chosen = [scenes.scene(split, i) for i in range(start, start + BATCH)]
        # The eight plans take turns: of each, the same share is varied.
        chosen = [varied(each) if each.index // 8 % 2 else each for each in chosen]
        pictures = np.stack([scenes.render(scene) for scene in chosen]).astype(np.float32)
        image = np.stack([image_targets(scene) for scene in chosen])
        yield pictures, (np.stack([cell_targets(scene) for scene in chosen]), image, image)


def cell_loss(target: Any, logits: Any) -> Any:
    """The loss of one batch of cells: cross-entropies, numbers, parts."""
    ops = backend.keras().ops
    here = ops.cast(target[..., 0] < len(ALL_KINDS), "float32")
    weight = 0.25 + 0.75 * here  # most cells show nothing
    total, start = 0.0, 0
    for number, classes in enumerate(CLASSES.values()):
        wanted = ops.one_hot(ops.cast(target[..., number], "int32"), classes)
        some = ops.log_softmax(logits[..., start : start + classes], axis=-1)
        total = total - ops.sum(weight * ops.sum(wanted * some, -1)) / ops.sum(weight)
        start += classes
    wanted = target[..., 4:_FLAGS]
    known = ops.isfinite(wanted)
    wanted = ops.where(known, wanted, 0.0)
    away = ops.abs(logits[..., start : start + len(NUMBERS)] - wanted) * ops.cast(known, "float32")
    total = total + 2 * ops.sum(here * ops.sum(away, -1)) / (ops.sum(here) + 1)
    flags = logits[..., start + len(NUMBERS) :]
    return total + 8 * ops.mean(_flag_loss(target[..., _FLAGS:], flags))


def image_loss(target: Any, logits: Any) -> Any:
    """The loss of the flags of whole pictures; few of them are up."""
    return IMAGE_WEIGHT * backend.keras().ops.mean(_flag_loss(target, logits))


def _flag_loss(target: Any, logits: Any) -> Any:
    ops = backend.keras().ops
    return ops.relu(logits) - logits * target + ops.log1p(ops.exp(-ops.abs(logits)))


def trainer(network: Any, steps: int) -> Any:
    """The network with a head for each target, to be trained for so many batches."""
    keras = backend.keras()
    layers = keras.layers
    grid, pooled = network.outputs
    flags = sum(GROUPS.values())
    cells = layers.Conv2D(_LOGITS, 1, name="cell_logits")(grid)
    image = layers.Dense(flags, name="image_logits")(pooled)
    average = layers.GlobalAveragePooling2D(name="average")(grid)
    model = keras.Model(
        network.input, [cells, image, layers.Dense(flags, name="average_logits")(average)]
    )
    schedule = keras.optimizers.schedules.CosineDecay(
        RATE / 20, max(steps - WARM_UP, 1), alpha=0.0, warmup_target=RATE, warmup_steps=WARM_UP
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-3, global_clipnorm=5.0),
        loss=[cell_loss, image_loss, image_loss],
    )
    return model


def evaluate(model: Any, count: int) -> dict[str, float]:
    """How much the network reads of scenes of `val`: shares from 0 to 1, edges in pixels."""
    right: dict[str, list] = {}
    for pictures, (cells, image, _) in batches("val", 0, count):
        logits, whole, average = (np.asarray(x) for x in model.predict_on_batch(pictures))
        here = cells[..., 0] < len(ALL_KINDS)
        start = 0
        for number, (name, classes) in enumerate(CLASSES.items()):
            guess = logits[..., start : start + classes].argmax(-1)
            right.setdefault(f"cell {name}", []).append((guess == cells[..., number])[here])
            start += classes
        away = np.abs(logits[..., start : start + len(NUMBERS)] - cells[..., 4:_FLAGS])[here]
        edges, turns, opened = away[:, :4], away[:, 4:6], away[:, 6]
        right.setdefault("box edge error, pixels", []).append(edges.mean(-1) * scenes_cnn.SIZE / 2)
        right.setdefault("sine and cosine error", []).append(turns.mean(-1))
        right.setdefault("door error", []).append(opened[np.isfinite(opened)])
        for name, flags in (("pooled", whole), ("grid average", average)):
            begin = 0
            for group, width in GROUPS.items():
                up = flags[:, begin : begin + width] > 0
                wanted = image[:, begin : begin + width] > 0
                # F1 of all flags: both kinds of miss count.
                hits = 2 * (up & wanted).sum(1), up.sum(1) + wanted.sum(1)
                right.setdefault(f"{name} {group} F1", []).append(np.stack(hits, 1))
                begin += width
    return {
        name: float(np.divide(*np.concatenate(rows).sum(0)))
        if name.endswith("F1") else float(np.concatenate(rows).mean())
        for name, rows in right.items()
    }


def train(path: Path = WEIGHTS, steps: int = STEPS, held_out: int = 480) -> dict[str, float]:
    """Train, write the weights to `path`, and return the measures on `held_out` scenes of `val`."""
    backend.configure(seed=SEED)
    network = scenes_cnn.build()
    model = trainer(network, steps)
    with console.Progress(steps * BATCH, "backbone scenes", "pictures") as progress:
        for pictures, targets in batches("train", 0, steps * BATCH):
            losses = model.train_on_batch(pictures, list(targets))
            progress.update(BATCH, f"loss {float(losses[0]):.2f}")
    measures = evaluate(model, held_out)
    # Keras chooses the format by the ending, so the temporary file needs the same one.
    temporary = path.with_name("partial.weights.h5")
    temporary.parent.mkdir(parents=True, exist_ok=True)
    try:
        network.save_weights(temporary)
        with atomic_write(path) as file:
            file.write(temporary.read_bytes())
    finally:
        temporary.unlink(missing_ok=True)
    return measures


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train the backbone of the built-in data set.")
    parser.add_argument("-o", "--output", type=Path, default=WEIGHTS, help="the weights' file")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"batches of {BATCH}")
    options = parser.parse_args()
    measures = train(options.output, options.steps)
    console.result(console.table(["measure on val", "value"], [
        [name, f"{value:.3f}"] for name, value in measures.items()
    ]))
    console.closing(("saved", options.output))


if __name__ == "__main__":
    main()
