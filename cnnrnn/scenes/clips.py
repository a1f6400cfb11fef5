"""The built-in clips: 24 frames in which the order says what happens, and nothing else does.

    from cnnrnn.scenes import clips
    clip = clips.clip("test", 3)
    frames = clips.render_clip(clip)    # uint8 RGB (24, 112, 112, 3)
    clip.label                          # one of clips.LABELS
    clips.captions(clip)                # five sentences

Ten labels in five pairs; a clip of a pair is a clip of the other label backwards. The number alone
decides the label (all ten in turn), everything else is drawn by lot without knowing it. So any set
of frames, be it one or all, tells without their places in time which pair it is of and nothing
more. (That a frame is the *first* tells much: a door that opens begins closed.) In `val` and `test`
a clip with an odd number is even the one before it, backwards: what judges without order is right
in exactly half of them.

A *busy* clip shows the action in 6 to 9 of its frames, in order; the others show other scenes, in a
few runs at random places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cnnrnn.errors import UsageError
from cnnrnn.scenes import dataset
from cnnrnn.scenes.actions import ACTIONS
from cnnrnn.scenes.arrange import arrange
from cnnrnn.scenes.compose import Composer
from cnnrnn.scenes.film import boxes_of_actor, film
from cnnrnn.scenes.retelling import retell
from cnnrnn.scenes.splits import SPLITS, check
from cnnrnn.scenes.world import BACKGROUNDS, UNITS, Scene

# A change of drawing or wording bumps it; caches and shipped models name the version they are of.
VERSION = 1
FRAMES = 24
SIZES = {"train": 1200, "val": 200, "test": 400}
PAIRS = tuple(labels for labels, _ in ACTIONS.values())
LABELS = tuple(label for pair in PAIRS for label in pair)
SHOWN = (6, 9)  # how many frames of a busy clip show the action: at least, at most
_RUNS = (3, 5)  # of frames of other scenes
_BYSTANDERS = 3


@dataclass(frozen=True)
class Clip:
    """What a clip shows.

    label: one of LABELS. scene: what is in it; `scene.things[0]` is the actor, which has a state
    for each of the 24 frames. order: of each frame the moment of the action, told forwards, that it
    shows (they fall in a clip that runs backwards), -1 where it shows another scene. distractors:
    the number of that other scene of the split, None where the frame shows the action.
    """

    split: str
    index: int
    label: str
    scene: Scene
    order: tuple[int, ...]
    distractors: tuple[int | None, ...]

    @property
    def action(self) -> str:
        """The pair's name, a key of ACTIONS."""
        return self.scene.plan

    @property
    def kind(self) -> str:
        """The actor's kind."""
        return self.scene.things[0].kind

    @property
    def colour(self) -> str:
        """The actor's colour."""
        return self.scene.things[0].colour

    @property
    def combination(self) -> tuple[str, str, str]:
        """(kind, colour, action): no two splits share one."""
        return self.kind, self.colour, self.action


def label_of(index: int) -> str:
    """The label of the clip number `index` of any split."""
    return LABELS[index % len(LABELS)]


def clip(split: str, index: int, busy: bool = False) -> Clip:
    """The clip number `index` of a split; `busy` puts frames of other scenes between its own.

    Raises:
        CnnRnnError: no such split, or a negative index.
    """
    check(split, index)
    # A twin that runs backwards makes a test exact; for training, other scenes are worth more.
    lots = index if split == "train" else index - index % 2
    return _composed(split, index, lots, bool(index % 2), busy)


def _composed(split: str, index: int, lots: int, backwards: bool, busy: bool) -> Clip:
    """A clip whose lots are those of the number `lots`, whichever way it runs."""
    pair = index % len(LABELS) // 2
    action = list(ACTIONS)[pair]
    rng = np.random.default_rng([VERSION, SPLITS.index(split), lots, FRAMES])
    c = Composer(split, rng)
    background = c.pick(BACKGROUNDS)
    motion = ACTIONS[action][1](c)
    c.fill(_BYSTANDERS)
    things = arrange(rng, c.things, c.groups)
    clutter = int(rng.integers(2**31))
    phases = _phases(rng, FRAMES)
    distractors: list[int | None] = [None] * FRAMES
    if busy:
        distractors = _distractors(rng)
        phases = _phases(rng, distractors.count(None))
    # All lots are drawn; only now it matters which way it runs.
    order = list(range(len(phases)))[:: -1 if backwards else 1]
    moments = iter(order)
    order = [next(moments) if other is None else -1 for other in distractors]
    actor = things[0]
    states = tuple(motion(actor.state, phases[moment]) for moment in _filled(order))
    things = (replace(actor, states=states), *things[1:])
    scene = Scene(split, index, action, background, float(c.horizon), clutter, things)
    return Clip(split, index, PAIRS[pair][backwards], scene, tuple(order), tuple(distractors))


def _phases(rng: np.random.Generator, count: int) -> list[float]:
    """How far the action is at each of its moments, 0 to 1: (count,).

    It may pause before and after, and start and stop softly; backwards it has the same law.
    """
    before, after = rng.integers(0, count // 5 + 1, 2)
    t = np.linspace(0, 1, count - before - after)
    if rng.random() < 0.5:
        t = t * t * (3 - 2 * t)
    return [*[0.0] * before, *map(float, t), *[1.0] * after]


def _distractors(rng: np.random.Generator) -> list[int | None]:
    """Which other scene each frame shows: a few runs of one scene each, anywhere."""
    shown = int(rng.integers(SHOWN[0], SHOWN[1] + 1))
    runs = int(rng.integers(_RUNS[0], _RUNS[1] + 1))
    others = [int(number) for number in rng.integers(0, 2**31, runs)]
    # Each run begins as one frame; then frames of the action and more of the runs are dealt out.
    lengths = 1 + rng.multinomial(FRAMES - shown - runs, [1 / runs] * runs)
    gaps = rng.multinomial(shown, [1 / (runs + 1)] * (runs + 1))
    frames: list[int | None] = [None] * gaps[0]
    for number, length, gap in zip(others, lengths, gaps[1:], strict=True):
        frames += [number] * length + [None] * gap
    # Begun anywhere as on a ring, so that no place of the clip shows the action more often.
    start = int(rng.integers(FRAMES))
    return frames[start:] + frames[:start]


def _filled(order: list[int]) -> list[int]:
    """`order` where the action waits while another scene is shown."""
    last = next(moment for moment in order if moment >= 0)
    filled = []
    for moment in order:
        last = moment if moment >= 0 else last
        filled.append(last)
    return filled


def render_clip(clip: Clip, size: int = dataset.SIDE) -> np.ndarray:
    """Draw a clip, uint8 RGB (24, size, size, 3).

    Raises:
        UsageError: `size` is not between 16 and 4096.
    """
    return film(clip.scene, clip.distractors, clip.index, size)


def actor_boxes(clip: Clip, size: int = dataset.SIDE) -> np.ndarray:
    """The actor's box in each frame, float64 (24, 4) in pixels; NaN where it is not in sight."""
    return boxes_of_actor(clip.scene, clip.distractors) * (size / UNITS)


def captions(clip: Clip) -> list[str]:
    """Five captions that say what happens, worded differently."""
    return retell(clip.scene, clip.label)


class Clips(Sequence):
    """Descriptions of the first clips of a split, each composed when it is asked for."""

    def __init__(self, split: str, count: int, busy: bool):
        self.split, self.busy = split, busy
        self.indices = range(count)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> Clip:
        return clip(self.split, self.indices[place], self.busy)

    def __iter__(self) -> Iterator[Clip]:
        return (clip(self.split, index, self.busy) for index in self.indices)


@dataclass(frozen=True)
class ClipSet:
    """frames: uint8 RGB (N, 24, 112, 112, 3). labels: int64 (N,), places in LABELS. clips: N."""

    frames: np.ndarray
    labels: np.ndarray
    clips: Clips


def load(split: str, count: int | None = None, busy: bool = False) -> ClipSet:
    """The first clips of a split, drawn once and kept in the cache folder.

    Args:
        split: train, val or test.
        count: how many; None for the split's default size.
        busy: with frames of other scenes between their own.

    Raises:
        CnnRnnError: no such split, or the cache folder cannot be written.
        UsageError: `count` is not positive.
    """
    check(split)
    count = SIZES[split] if count is None else count
    if count < 1:
        raise UsageError(f"{count} clips were asked for", "ask for one or more")
    frames = dataset.kept(
        f"clips-v{VERSION}-{split}{'-busy' if busy else ''}",
        count, SIZES[split], (FRAMES, dataset.SIDE, dataset.SIDE, 3), "clips",
        lambda index: render_clip(clip(split, index, busy)),
    )
    labels = np.arange(count) % len(LABELS)
    return ClipSet(frames, labels, Clips(split, count, busy))
