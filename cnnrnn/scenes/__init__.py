"""The built-in data set: pictures of a small drawn world, and what is in them.

    from cnnrnn import scenes
    scene = scenes.scene("test", 3)
    picture = scenes.render(scene)      # uint8 RGB (112, 112, 3)
    scenes.captions(scene)              # five sentences

The same number of the same split is the same scene everywhere, whatever else was drawn before.
Clips, in which things happen, are made of the same scenes: see `cnnrnn.scenes.clips`; pictures for
questions of two steps are a further set: see `cnnrnn.scenes.riddles`.
"""

from cnnrnn.scenes.compose import compose as scene
from cnnrnn.scenes.dataset import SceneSet, load
from cnnrnn.scenes.draw import render
from cnnrnn.scenes.facts import GROUPS, Fact, facts, possible, told
from cnnrnn.scenes.questions import KINDS_OF_QUESTION, Question, questions
from cnnrnn.scenes.regions import Region, regions
from cnnrnn.scenes.splits import SIZES, SPLITS, VERSION, combinations
from cnnrnn.scenes.wording import captions
from cnnrnn.scenes.world import Scene, State, Thing

__all__ = [
    "GROUPS", "KINDS_OF_QUESTION", "SIZES", "SPLITS", "VERSION", "Fact", "Question", "Region",
    "Scene", "SceneSet", "State", "Thing", "captions", "combinations", "facts", "load", "possible",
    "questions", "regions", "render", "scene", "told",
]
