"""Train a captioner: look at the data, extract, fit, and tell what came of it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from cnnrnn import backend, console
from cnnrnn.caption import check as checks
from cnnrnn.caption import data as readers
from cnnrnn.caption import vectors as word_vectors
from cnnrnn.caption.batches import CaptionBatches, encoded, mirrorable
from cnnrnn.caption.prepare import (
    Pictures,
    build_vocabulary,
    extractor,
    feature_output,
    with_features,
)
from cnnrnn.caption.settings import LEARNED, WORD2VEC, TrainSettings
from cnnrnn.caption.warm_start import check_alike, warm_start
from cnnrnn.features.familiarity import SAMPLE, Familiarity
from cnnrnn.features.precomputed import open_features
from cnnrnn.features.selection import tell_failures
from cnnrnn.media.medium import CLIPS, PICTURES
from cnnrnn.text.decoder import DecodeSettings
from cnnrnn.text.tokenizer import SAID, Tokenizer
from cnnrnn.text.vectors import WordVectors
from cnnrnn.text.vocabulary import UNSPOKEN, Vocabulary
from cnnrnn.training.check import Check
from cnnrnn.training.chosen import check_same
from cnnrnn.training.outline import (
    NO_FLAGS,
    Flags,
    TrainOutcome,
    begin,
    check_usable,
    new_run,
    reached,
    run_bytes,
    step_seconds,
    weights_place,
)
from cnnrnn.training.run import Run
from cnnrnn.training.splits import hold_out

TASK = "caption"
MONITOR = "val_CIDEr"
_TRIAL_PICTURES = 32
_AVERAGED = 12  # the weights of the last twelfth of a training are averaged, at most 100 steps
_TAKE = {
    PICTURES: "for clips: --model clip-lstm --frames 8",
    CLIPS: "for pictures leave out --frames, and take a model for them",
}  # what to do where the data are the other


@dataclass
class Prepared:
    """The data of one training, decided and encoded.

    vectors: those of the file that --embeddings names.
    """

    settings: TrainSettings
    vocabulary: Vocabulary
    data: readers.CaptionData
    check: Check
    vectors: WordVectors | None = None


def prepare(settings: TrainSettings) -> Prepared:
    """Read and check the data and decide what the settings left open; touches no pixels."""
    data = readers.load(settings.data, settings.format, settings.limit)
    data.taken_for(settings.medium, _TAKE[settings.medium])
    training = data.split("train")
    captions = sum(len(each.captions) for each in training)
    chosen, settings = settings, settings.resolved(len(training), captions)
    # What cannot be meant is told before the data is looked at closely.
    if settings.features:
        open_features(settings.features).close()
    else:
        extractor(settings)
    hold_out(len(training), settings.holdout, settings.seed)
    vocabulary = build_vocabulary(settings, training)
    vectors = word_vectors.from_file(chosen, vocabulary)
    if vectors:
        settings = replace(settings, embedding=vectors.size)
    return Prepared(settings, vocabulary, data, checks.check(data, vocabulary), vectors)


def train(
    settings: TrainSettings,
    root: Path | str = "runs",
    name: str | None = None,
    flags: Flags = NO_FLAGS,
    resume: Path | str | None = None,
    brief: bool = False,
) -> TrainOutcome:
    """Train a captioner and keep it as a run.

    Args:
        settings: see `TrainSettings`; with `resume` those of the run are taken instead.
        root: the folder of all runs.
        name: of the new run; None counts on.
        flags: see `outline.Flags`; with `resume` those of the run too.
        resume: a run to go on with after its last finished epoch.
        brief: tell nothing of the data, score no baselines and write no report; for many trainings
            on the same data.

    Raises:
        CnnRnnError: no data, a run that does not fit, a loss that is no number.
        Interrupted: Ctrl-C; the run can be resumed.
    """
    begun = begin(TrainSettings, settings, TASK, root, name, flags, resume)
    run, flags = begun.run, begun.flags
    prepared = prepare(begun.settings)
    if prepared.settings.init and not run:
        check_alike(prepared.settings)
    if not brief:
        prepared.check.tell()
    settings = prepared.settings
    config = settings.as_config() | asdict(flags)
    if run:
        check_same(run, _provenance(prepared), prepared.vocabulary)
        run.record_command()
    backend.configure(
        seed=settings.seed, deterministic=flags.deterministic, precision=settings.precision
    )
    training = with_features(settings, prepared.data.split("train"))
    unit = settings.medium.many
    tell_failures(prepared.data.name, training.failures, unit)
    usable = len(training.examples)
    kept, aside = hold_out(usable, settings.holdout, settings.seed)
    if run:
        check_usable(run, usable, unit)
    else:
        run = new_run(root, TASK, name, config | _provenance(prepared), usable, unit)
        prepared.vocabulary.save(run.path / "vocabulary.json")
    training, aside, failures = training.part(kept), training.part(aside), training.failures
    result = _fit(run, prepared, training, aside, bool(resume))
    _learn_familiarity(training, aside, settings.seed).save(run.path / "familiarity.npz")
    if brief:
        run.finish(MONITOR, result.best_value, result.best_epoch)
        return TrainOutcome(run, "", failures)
    return TrainOutcome(run, _conclude(run, prepared, training, aside, result), failures)


def dry_run(settings: TrainSettings) -> dict[str, float]:
    """Check the data and estimate time and disk, by trying some pictures and steps.

    Returns:
        `pictures`, `extraction_seconds`, `training_seconds` (all epochs), `disk_bytes`.
    """
    prepared = prepare(settings)
    if prepared.settings.init:
        check_alike(prepared.settings)
    prepared.check.tell()
    settings = prepared.settings
    backend.configure(seed=settings.seed, precision=settings.precision)
    examples = prepared.data.split("train")
    trial = with_features(replace(settings, mirror=False), examples[: 4 * _TRIAL_PICTURES])
    extraction = 0.0
    if not settings.features:
        made = extractor(settings)
        pictures = [made.pixels(each.source) for each in trial.examples[:_TRIAL_PICTURES]]
        made.compute(pictures)  # builds the network
        began = time.perf_counter()
        made.compute(pictures)
        extraction = (time.perf_counter() - began) / len(pictures)
    batches = _batches(prepared, trial, None)
    steps = [batch for _ in range(2) for batch in batches.epoch(np.random.default_rng(0))]
    model = _model(prepared, trial.features.row_shape)
    step = step_seconds(model, _loss(settings), steps)
    copies = 2 if settings.mirror else 1
    row_bytes = int(np.prod(trial.features.row_shape)) * 2
    return {
        "pictures": len(examples),
        "extraction_seconds": extraction * len(examples) * copies,
        "training_seconds": step * settings.epochs * (len(examples) / settings.batch),
        "disk_bytes": run_bytes(model)
        + (0 if settings.features else row_bytes * len(examples) * copies),
    }


def _provenance(prepared: Prepared) -> dict:
    """What else decides the result, for config.json."""
    settings = prepared.settings
    found = {
        "data_fingerprint": prepared.data.fingerprint(),
        "feature_output": feature_output(settings),
        "pictures": len(prepared.data.examples),
    }
    if settings.built_in:
        from cnnrnn import scenes
        from cnnrnn.scenes import clips

        versions = {"scenes_version": scenes.VERSION, "clips_version": clips.VERSION}
        name = "clips_version" if settings.clips else "scenes_version"
        found[name] = versions[name]
    if settings.embeddings not in (LEARNED, WORD2VEC):
        found["embeddings"] = str(Path(settings.embeddings).expanduser().resolve())
    if settings.init:
        found["init"] = str(Path(settings.init).resolve())
    if settings.features:
        return found | {"backbone": None}
    made = extractor(settings)
    found |= weights_place(settings.weights)
    return found | {"weights_hash": made.spec.weights_hash, "image_size": list(made.size)}


def _model(prepared: Prepared, row_shape: tuple[int, ...]):
    from cnnrnn.caption.fine_tuned import FineTuned
    from cnnrnn.caption.models import MODELS

    settings = prepared.settings
    names = (
        "hidden", "embedding", "feature_dropout", "dropout", "rnn", "layers", "frozen_words",
        "head",
    )  # fmt: skip
    writer = {name: getattr(settings, name) for name in names}
    writer |= {"fusion": settings.fusion} if settings.fusion else {}
    writer["vocabulary_size"] = len(prepared.vocabulary)
    if settings.fine_tune:
        size = extractor(settings).size
        model = FineTuned(settings.backbone, size, settings.model, writer, settings.weights)
    else:
        model = MODELS[settings.model](feature_shape=row_shape, **writer)
    model.build()
    return model


def _loss(settings: TrainSettings):
    from cnnrnn.text.losses import CosineDistance, WordCrossEntropy

    if settings.output == "vectors":
        return CosineDistance()
    return WordCrossEntropy(settings.smoothing, UNSPOKEN if settings.reward else ())


def _batches(prepared: Prepared, pictures: Pictures, mirrored: Pictures | None) -> CaptionBatches:
    vocabulary = prepared.vocabulary
    return CaptionBatches(
        encoded(pictures.examples, vocabulary),
        pictures.features,
        mirrored.features if mirrored else None,
        mirrorable(pictures.examples, Tokenizer(vocabulary.tokenizer)) if mirrored else None,
        prepared.settings.batch,
    )


def _fit(run: Run, prepared: Prepared, training: Pictures, aside: Pictures, resume: bool):
    from cnnrnn.caption.reward import RewardBatches
    from cnnrnn.caption.scheduled import ScheduledBatches
    from cnnrnn.caption.validate import Validation
    from cnnrnn.training.fit import FitSettings, averaging_of, fit, optimizer
    from cnnrnn.training.optimizers import TwoSpeeds

    settings = prepared.settings
    mirrored = None
    if settings.mirror and not settings.features:
        mirrored = with_features(settings, training.examples, variant="mirror")
    # A backbone that was built because its features were not cached has drawn numbers too.
    backend.configure(seed=settings.seed)
    model = _model(prepared, training.features.row_shape)
    if not (resume and run.last.exists()):
        _begin(model, prepared, training)
    batches = _batches(prepared, training, mirrored)
    if settings.reward:
        batches = RewardBatches(batches, SAID[settings.tokenizer])
    elif settings.scheduled:
        batches = ScheduledBatches(batches, settings.scheduled, settings.epochs)
    # A longer average would still hold what a short training had not learned yet.
    averaging = averaging_of(settings.epochs * batches.steps() / _AVERAGED)
    chosen, by = FitSettings.of(settings, averaging=averaging), None
    if settings.fine_tune:
        by = optimizer(
            chosen,
            TwoSpeeds,
            slow=len(model.top.trainable_variables),
            share=settings.cnn_rate / settings.learning_rate,
            # Words that are still chance would only spoil it.
            wait=0 if settings.init else batches.steps(),
        )
    return fit(
        model,
        _loss(settings),
        batches,
        Validation(prepared.vocabulary, aside, _batches(prepared, aside, None)),
        MONITOR,
        chosen,
        run,
        resume,
        by=by,
    )


def _begin(model, prepared: Prepared, training: Pictures) -> None:
    """Give a model its first weights, where these are not all random."""
    settings, vocabulary, vectors = prepared.settings, prepared.vocabulary, prepared.vectors
    if settings.embeddings == WORD2VEC:
        vectors = word_vectors.trained(settings, vocabulary, training.examples)
    if vectors:
        word_vectors.tell_coverage(vectors, vocabulary, settings.embeddings)
        model.begin_with(word_vectors.table(vectors, vocabulary, settings.seed))
    if settings.init:
        warm_start(model, vocabulary, settings.init)


def _conclude(run: Run, prepared: Prepared, training: Pictures, aside: Pictures, result) -> str:
    """Score the best epoch on what was kept aside, with its baselines; write card and report."""
    from cnnrnn.caption.captioner import Captioner
    from cnnrnn.caption.card import write_card
    from cnnrnn.caption.evaluate import score_captioner
    from cnnrnn.caption.report import write_report

    captioner = Captioner.load(run.path)
    search = DecodeSettings()
    evaluations = score_captioner(captioner, aside, training, search, prepared.settings.seed)
    best = evaluations[0]
    run.finish(MONITOR, result.best_value, result.best_epoch, best.scores)
    kept = f"{console.counted(len(aside.examples), captioner.medium.many)} kept aside"
    if not any(best.texts.values()):
        console.warn(
            "it says nothing of them yet: let it train longer (--epochs), by more steps (a smaller "
            "--batch) or on more captions"
        )
    write_card(run, captioner, evaluations, kept)
    write_report(run, captioner, evaluations, aside, search)
    return reached(
        result,
        f"BLEU-4 {best.scores['Bleu_4']:.3f}, CIDEr {best.scores['CIDEr']:.3f} on {kept}",
    )


def _learn_familiarity(training: Pictures, aside: Pictures, seed: int) -> Familiarity:
    count = len(training.examples)
    sample = np.random.default_rng([seed, 1]).permutation(count)[:SAMPLE]
    return Familiarity.measure(
        training.part(np.sort(sample)).features.pooled(), aside.features.pooled()
    )
