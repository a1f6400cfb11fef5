"""Train DenseCap: look at the data, fit, and tell what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cnnrnn import backend
from cnnrnn.densecap import check as checks
from cnnrnn.densecap import data as readers
from cnnrnn.densecap.pictures import Loader, Pictures, readable
from cnnrnn.densecap.settings import WEIGHTS, TrainSettings
from cnnrnn.errors import CnnRnnError
from cnnrnn.features import backbones, trunks
from cnnrnn.features.familiarity import SAMPLE, Familiarity
from cnnrnn.features.selection import tell_failures
from cnnrnn.regions.sizes import fewest_boxes
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.text.vocabulary import Vocabulary
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

TASK = "densecap"
_TRIAL_PICTURES = 16


@dataclass
class Prepared:
    """The data of one training, decided."""

    settings: TrainSettings
    vocabulary: Vocabulary
    data: readers.RegionData
    check: Check


def read(settings: TrainSettings) -> readers.RegionData:
    """The data that settings name."""
    return readers.load(settings.data, settings.format, settings.limit, settings.without or ())


def prepare(settings: TrainSettings, data: readers.RegionData | None = None) -> Prepared:
    """Read and check the data and decide what the settings left open; touches no pixels.

    Args:
        data: what `read` gives for the settings, where that is known already.
    """
    data = data or read(settings)
    training = data.split("train")
    settings = settings.resolved(len(training), sum(len(each.regions) for each in training))
    # What cannot be meant is told before the data is looked at closely.
    trunk = trunks.get(settings.backbone)
    side = settings.image_size or trunk.side
    if trunk.fixed and side != trunk.side:
        raise CnnRnnError(
            f"the backbone {settings.backbone} sees regions at {trunk.side} pixels, not {side}",
            "leave --image-size out",
        )
    if settings.sample > (boxes := fewest_boxes(settings.backbone, side)):
        raise CnnRnnError(
            f"{settings.sample} boxes cannot be drawn of the {boxes} that are proposed of a "
            f"picture at {side} pixels",
            "a smaller --sample or a larger --image-size",
        )
    size = (side, side)
    backbones.get(settings.backbone).weights_file(settings.weights, "grid", size)
    hold_out(len(training), settings.holdout, settings.seed)
    tokenizer = Tokenizer(settings.tokenizer)
    tokens = (tokenizer(region.phrase) for each in training for region in each.regions)
    vocabulary = Vocabulary.build(tokens, settings.min_count or 1, settings.tokenizer)
    return Prepared(settings, vocabulary, data, checks.check(data, vocabulary))


def train(
    settings: TrainSettings,
    root: Path | str = "runs",
    name: str | None = None,
    flags: Flags = NO_FLAGS,
    resume: Path | str | None = None,
    data: readers.RegionData | None = None,
) -> TrainOutcome:
    """Train DenseCap and keep it as a run.

    Args:
        settings: see `TrainSettings`; with `resume` those of the run are taken instead.
        root: the folder of all runs.
        name: of the new run; None counts on.
        flags: see `outline.Flags`; with `resume` those of the run too.
        resume: a run to go on with after its last finished epoch.
        data: what `read` gives for the settings, where that is known already.

    Raises:
        CnnRnnError: no data, a run that does not fit, a loss that is no number.
        Interrupted: Ctrl-C; the run can be resumed.
    """
    begun = begin(TrainSettings, settings, TASK, root, name, flags, resume)
    run, flags = begun.run, begun.flags
    prepared = prepare(begun.settings, data)
    prepared.check.tell()
    settings = prepared.settings
    if run:
        check_same(run, _provenance(prepared), prepared.vocabulary)
        run.record_command()
    backend.configure(seed=settings.seed, deterministic=flags.deterministic)
    examples, failures = readable(prepared.data.split("train"))
    tell_failures(prepared.data.name, failures, "pictures")
    kept, aside = hold_out(len(examples), settings.holdout, settings.seed)
    if run:
        check_usable(run, len(examples), "pictures")
    else:
        config = settings.as_config() | asdict(flags) | _provenance(prepared)
        run = new_run(root, TASK, name, config, len(examples), "pictures")
        prepared.vocabulary.save(run.path / "vocabulary.json")
    pictures = _pictures(settings, examples)
    training, held = pictures.part(kept), pictures.part(aside)
    batches = _batches(prepared, training, settings.mirror)
    result = _fit(run, prepared, batches, held, bool(resume))
    summary = _conclude(run, training, held, result)
    return TrainOutcome(run, summary, failures + batches.failures)


def dry_run(settings: TrainSettings) -> dict[str, float]:
    """Check the data and estimate the time, by trying some steps; nothing goes to the disk.

    Returns:
        `pictures`, `extraction_seconds`, `training_seconds` (all epochs), `disk_bytes`.
    """
    from cnnrnn.densecap.losses import Given

    prepared = prepare(settings)
    prepared.check.tell()
    settings = prepared.settings
    backend.configure(seed=settings.seed)
    examples, failures = readable(prepared.data.split("train"))
    tell_failures(prepared.data.name, failures, "pictures")
    batches = _batches(prepared, _pictures(settings, examples[:_TRIAL_PICTURES]), settings.mirror)
    steps = list(batches.epoch(np.random.default_rng(0)))
    model = _model(prepared)
    step = step_seconds(model, {name: Given() for name in steps[0][1]}, steps)
    count = len(examples)
    return {
        "pictures": count,
        "extraction_seconds": 0.0,
        "training_seconds": step * settings.epochs * -(-count // settings.batch),
        "disk_bytes": run_bytes(model),
    }


def _provenance(prepared: Prepared) -> dict:
    """What else decides the result, for config.json."""
    settings = prepared.settings
    found = {
        "data_fingerprint": prepared.data.fingerprint(),
        "pictures": len(prepared.data.examples),
    }
    if settings.built_in:
        from cnnrnn import scenes

        found["scenes_version"] = scenes.VERSION
    side = settings.image_size or trunks.get(settings.backbone).side
    found |= weights_place(settings.weights)
    hashed = backbones.get(settings.backbone).weights_hash(settings.weights, "grid", (side, side))
    return found | {"weights_hash": hashed, "image_size": side}


def _pictures(settings: TrainSettings, examples) -> Pictures:
    loader = Loader(settings.backbone, settings.image_size)
    loader.draw(examples)
    return Pictures(examples, loader)


def _batches(prepared: Prepared, pictures: Pictures, mirror: bool):
    from cnnrnn.densecap.batches import RegionBatches

    return RegionBatches(
        pictures,
        prepared.vocabulary,
        prepared.settings.batch,
        checks.MAX_WORDS,
        checks.MAX_REGIONS,
        mirror,
    )


def _model(prepared: Prepared):
    from cnnrnn.densecap.models import DenseCap

    settings = prepared.settings
    model = DenseCap(
        vocabulary_size=len(prepared.vocabulary),
        backbone=settings.backbone,
        side=settings.image_size,
        pooled=settings.pooled,
        filters=settings.filters,
        code=settings.code,
        hidden=settings.hidden,
        embedding=settings.embedding,
        dropout=settings.dropout,
        sample=settings.sample,
        phrases=settings.phrases,
        positive=settings.positive,
        negative=settings.negative,
        box_gradient=settings.box_gradient,
        frozen=settings.frozen,
        weights=settings.weights,
    )
    model.build()
    return model


def _fit(run: Run, prepared: Prepared, batches, aside: Pictures, resume: bool):
    from cnnrnn.densecap.losses import Given
    from cnnrnn.densecap.validate import Validation, monitor
    from cnnrnn.training.fit import FitSettings, fit, optimizer
    from cnnrnn.training.optimizers import TwoSpeeds

    settings = prepared.settings
    model = _model(prepared)
    chosen = FitSettings.of(settings)
    weights = dict(zip(WEIGHTS, settings.loss_weights, strict=True))
    by = optimizer(
        chosen,
        TwoSpeeds,
        slow=model.trunk_variables(),
        share=settings.cnn_rate / settings.learning_rate,
        wait=settings.wait * batches.steps(),
    )
    held = _batches(prepared, aside, mirror=False)
    return fit(
        model,
        {name: Given() for name in WEIGHTS},
        batches,
        Validation(prepared.vocabulary, aside, held, settings.loss_weights),
        monitor(settings.loss_weights),
        chosen,
        run,
        resume,
        by=by,
        loss_weights=weights,
    )


def _conclude(run: Run, training: Pictures, aside: Pictures, result) -> str:
    """Score the best epoch on the pictures kept aside, with its baseline; write card and report."""
    from cnnrnn.densecap.card import write_card
    from cnnrnn.densecap.describer import DenseCaptioner, DescribeSettings
    from cnnrnn.densecap.evaluate import score_describer
    from cnnrnn.densecap.report import write_report
    from cnnrnn.densecap.validate import monitor

    describer = DenseCaptioner.load(run.path)
    describer.familiarity = _learn_familiarity(describer, training, aside, run.config["seed"])
    describer.familiarity.save(run.path / "familiarity.npz")
    evaluations, described = score_describer(describer, aside.examples, DescribeSettings())
    best = evaluations[0]
    chosen_by = monitor(run.config["loss_weights"])
    run.finish(chosen_by, result.best_value, result.best_epoch, best.scores)
    write_card(run, describer, evaluations, f"{len(aside)} pictures kept aside")
    write_report(run, evaluations, aside.examples, described, "training pictures kept aside")
    key = best.map_key
    return reached(
        result,
        f"{key} {best.scores[key]:.3f} ({best.language}), boxes {best.scores['ap50']:.3f} "
        f"(AP at IoU 0.5) on {len(aside)} pictures kept aside",
    )


def _learn_familiarity(describer, training: Pictures, aside: Pictures, seed: int) -> Familiarity:
    """What the pictures of the training look like, and how far those kept aside are from that."""
    sample = np.random.default_rng([seed, 1]).permutation(len(training))[:SAMPLE]
    return Familiarity.measure(
        describer.looks(training.part(np.sort(sample))), describer.looks(aside)
    )
