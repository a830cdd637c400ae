"""Training on images without labels, by what a teacher says about them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor, nn

from rein.datasets.classes import IGNORE
from rein.models.losses.feature import FeatureLoss
from rein.models.segmentors.gradients import SequentialLosses
from rein.models.segmentors.mixing import pasted
from rein.models.segmentors.pseudo_labels import (
    PseudoLabels,
    best_classes,
    labelled_samples,
    without_margins,
)
from rein.models.segmentors.student_passes import Lesson
from rein.models.segmentors.teacher import STATISTICS, Teacher
from rein.models.segmentors.wrapper import FeatureLossWrapper, SegmentorWrapper


@MODELS.register_module()
class SelfTraining(SegmentorWrapper):
    """Trains a segmentor on labelled images and, by its teacher's labels, on others.

    A sample without ``gt_sem_seg`` is one without labels. The teacher, an average of the segmentor
    that ``TeacherHook`` or ``AnnealedTeacherHook`` makes, labels it as it is; the student sees its
    ``restyled`` view where the pipeline made one (``TwoViews``). What predicts is the student.

    What is done to the labels follows one order: refiner, ``labelling``, ``mixing``, ``augment``.
    CLOUDS is a refiner and nothing else. DACS is ``ConfidentShare``, ``IgnoreBands``, ``ClassMix``
    and ``JitterAndBlur`` with ``SourceThenTarget``.

    Args:
        segmentor: an ``EncoderDecoder``, or a wrapper of one such as ``TwoView``, or its config.
        refiner: config of what makes the labels better, such as ``SamRefiner``; its network is
            none of this model's modules.
        labelling: configs of parts that decide which pixels count and how much.
        mixing: config of what pastes labelled images into those without labels (``ClassMix``).
            The i-th of the ones goes with the i-th of the others, over and over.
        augment: config of what changes the student's view behind the mixing.
        masking: config of a further loss on masked images (``MaskedConsistency``).
        teacher_statistics: of the teacher's batch norms when it labels a batch: 'running', the
            averaged ones, or 'batch', those of that batch, as DACS and its heirs. It never drops.
        passes: how the student sees both kinds: ``dict(type='OneBatch')`` by default, as CLOUDS,
            or ``dict(type='SourceThenTarget')``.
        **unused: ``pretrained`` and ``train_cfg``, always None, which MMSegmentation's
            ``init_model`` hands to every model.

    Attributes:
        watch: is called with what the student is about to learn from, by name, if it is set.

    Raises:
        ValueError: the segmentor is no ``EncoderDecoder``, or the statistics are unknown.

    Source: Benigmim et al., CVPR 2024 (arXiv:2312.09788); Tranheden et al., WACV 2021
    (arXiv:2007.08702).
    """

    def __init__(
        self,
        segmentor: nn.Module | dict,
        *,
        refiner: dict | None = None,
        labelling: Sequence[dict] = (),
        mixing: dict | None = None,
        augment: dict | None = None,
        masking: dict | None = None,
        teacher_statistics: str = 'running',
        passes: dict | None = None,
        **unused: None,
    ) -> None:
        segmentor = MODELS.build(segmentor) if isinstance(segmentor, dict) else segmentor
        if not isinstance(segmentor, EncoderDecoder | FeatureLossWrapper):
            raise ValueError(
                f'SelfTraining.segmentor is a {type(segmentor).__name__}; use an EncoderDecoder, '
                "such as dict(type='FoundationSegmentor', ...), or a wrapper of one"
            )
        super().__init__(segmentor, **unused)
        self.teacher = Teacher(self.student)
        self._refiner = refiner
        self.labelling = [MODELS.build(part) for part in labelling]
        self.mixing = None if mixing is None else MODELS.build(mixing)
        self.augment = None if augment is None else MODELS.build(augment)
        if teacher_statistics not in STATISTICS:
            raise ValueError(
                f'SelfTraining.teacher_statistics is {teacher_statistics!r}; use one of '
                f'{STATISTICS}'
            )
        self.teacher_statistics = teacher_statistics
        self.masking = None if masking is None else MODELS.build(masking)
        self.passes = MODELS.build(passes or {'type': 'OneBatch'})
        if segmentor is not self.student and not self.passes.takes_wrappers:
            raise ValueError(
                f'SelfTraining.segmentor is a {type(segmentor).__name__}, whose losses are for '
                "labelled images; set passes=dict(type='SourceThenTarget')"
            )
        self.teaches: bool | None = None
        self.watch: Callable[[str, Lesson], None] | None = None

    @property
    def student(self) -> EncoderDecoder:
        """The segmentor itself, whatever wraps it."""
        inner = self.segmentor
        return inner.segmentor if isinstance(inner, FeatureLossWrapper) else inner

    @cached_property
    def refiner(self) -> object | None:
        """What makes labels better. Built when asked for, since only training needs its weights."""
        return None if self._refiner is None else MODELS.build(self._refiner)

    def ready(self) -> None:
        """Build what only training needs, so that what is missing shows before the first step."""
        _ = self.refiner
        for loss in self._feature_losses():
            loss.ready()

    def _feature_losses(self) -> Iterable[FeatureLoss]:
        return getattr(self.segmentor, 'losses', {}).values()

    @property
    def needs_all_kinds(self) -> bool:
        """Whether processes exchange numbers about images of a kind, so that all must have some."""
        parts = [*self.labelling, *self._feature_losses()]
        return any(getattr(part, 'over_processes', False) for part in parts)

    def begin_teaching(self, *, anew: bool) -> None:
        """Learn from the teacher from now on; ``anew`` makes it a copy of the student first."""
        if anew:
            self.teacher.copy(self.student)
        self.teaches = True

    def adopt(self, checkpoint: dict) -> None:
        """Make a checkpoint of the segmentor alone, or of a wrapper of it, one of this model.

        Its names get the prefixes that they have here, and the teacher begins as the student. One
        of this model is left as it is.
        """
        state = checkpoint.get('state_dict', checkpoint)
        if 'teacher.updates' in state:
            return
        inner = 'segmentor.' if self.segmentor is self.student else 'segmentor.segmentor.'
        wrapped = any(name.startswith('segmentor.') for name in state)

        def renamed(name: str) -> str:
            if wrapped and not name.startswith('segmentor.'):
                return f'segmentor.{name}'
            return inner + name.removeprefix('segmentor.')

        for name in list(state):
            state[renamed(name)] = state.pop(name)
        for name in self.teacher.names:
            if inner + name in state:
                state[f'teacher.{name}'] = state[inner + name].clone()
        state['teacher.updates'] = torch.zeros((), dtype=torch.long)
        body = checkpoint.get('body')
        if body is not None:
            body['tensors'] = {renamed(name): each for name, each in body['tensors'].items()}

    def loss(
        self, inputs: Tensor, data_samples: SampleList, restyled: Tensor | None = None
    ) -> dict:
        """Losses of the student on all images.

        Args:
            inputs: (B, 3, H, W), normalised; what the teacher sees, where there are no labels.
            data_samples: one for each image.
            restyled: (B, 3, H, W), second views; what the student sees, where there are no labels.

        Raises:
            ValueError: nobody began to teach.
        """
        taught = ['gt_sem_seg' not in sample for sample in data_samples]
        if any(taught) and self.teaches is None:
            raise ValueError(
                "SelfTraining has no teacher yet; add dict(type='TeacherHook') to custom_hooks, "
                'or call begin_teaching(anew=True) before the first step'
            )
        lesson = Lesson(inputs, data_samples, taught, restyled=restyled)
        if not any(taught):
            return self._collected(self.passes(self.segmentor, self.student, lesson))
        if not self.teaches:
            source = lesson.part(taught=False)
            if source is None:  # a random mix may bring such a batch
                trained = [p.sum() for p in self.parameters() if p.requires_grad]
                return {'loss_nothing': 0 * sum(trained)}
            return self._collected(self.passes(self.segmentor, self.student, source))
        return self._collected(self._lessons(lesson))

    def _lessons(self, lesson: Lesson) -> Iterator[dict]:
        """Losses of each part of a step, when it is asked for."""
        with torch.no_grad():
            others = lesson.part(taught=True)
            pseudo = self.pseudo_labels(others.images, others.samples)
            mixed = self._taught(lesson, pseudo)
        if self.watch is not None or self.masking is not None:
            samples = labelled_samples(others.samples, pseudo, others.images)
            whole = replace(others, samples=samples, weights=pseudo.weights)
        if self.watch is not None:
            self.watch('target', whole)
            self.watch('as the student sees it', mixed.part(taught=True))
        yield from self.passes(self.segmentor, self.student, mixed)
        if self.masking is not None:
            source = lesson.part(taught=False)
            masked = self.masking.masked(source, whole, self._normalisation())
            if masked is not None:
                shown = masked.part(taught=True)
                if self.watch is not None and shown is not None:
                    self.watch('masked', shown)
                yield self.masking.losses(self.student, masked)
        yield {
            'pseudo_labelled': (pseudo.labels != IGNORE).float().mean(),
            'pseudo_confidence': pseudo.confidence.mean(),
        }

    def _collected(self, parts: Iterator[dict]) -> dict:
        """Losses of all parts in one, to be differentiated together or already so."""
        if self.passes.backward == 'joint':
            return {name: value for part in parts for name, value in part.items()}
        losses = SequentialLosses(self.parameters())
        for part in parts:
            losses.add(part)
        return losses.result()

    @torch.no_grad()
    def pseudo_labels(self, images: Tensor, samples: SampleList) -> PseudoLabels:
        """The teacher's labels of images (U, 3, H, W), refined, with what counts of them."""
        metas = [{'img_shape': images.shape[-2:]}] * len(images)
        scores = self.teacher.ask(
            self.student, 'encode_decode', images, metas, statistics=self.teacher_statistics
        )
        pseudo = self._best(scores)
        sizes = [tuple(sample.metainfo.get('img_shape', images.shape[-2:])) for sample in samples]
        for labels, (height, width) in zip(pseudo.labels, sizes, strict=True):
            labels[height:], labels[:, width:] = IGNORE, IGNORE  # padding
        if self.refiner is not None:
            pseudo = self._refined(pseudo, self.pictures(images), sizes)
        pseudo = without_margins(pseudo, samples)
        for part in self.labelling:
            pseudo = part(pseudo)
        return pseudo

    @torch.no_grad()
    def label(self, data: dict) -> list[PseudoLabels]:
        """Labels of images as they are tested, sliding windows and all, not refined.

        They are the teacher's, or the student's where no teacher has begun.

        Args:
            data: ``inputs`` and ``data_samples`` of a batch from a data set in test mode.

        Returns:
            (1, H, W) of each image, in its original size.
        """
        batch = self.data_preprocessor(data, training=False)
        asked = (batch['inputs'], batch['data_samples'])
        if int(self.teacher.updates):
            samples = self.teacher.ask(self.student, 'predict', *asked)
        else:
            samples = self.segmentor(*asked, mode='predict')
        if any('seg_logits' not in sample for sample in samples):
            raise ValueError(
                'test_cfg.keep_scores of the segmentor is False, but labels for training need the '
                'scores; leave it out'
            )
        return [self._best(sample.seg_logits.data[None]) for sample in samples]

    def _best(self, scores: Tensor) -> PseudoLabels:
        head = self.student.decode_head
        shares = getattr(head, 'scores_are_shares', False)
        return best_classes(scores, shares=shares, threshold=getattr(head, 'threshold', None))

    def pictures(self, images: Tensor) -> np.ndarray:
        """Normalised images (B, 3, H, W) as they were: (B, H, W, 3), RGB, uint8."""
        mean, std = self._normalisation()
        found = (images * std + mean).round().clamp(0, 255).byte().permute(0, 2, 3, 1)
        if not getattr(self.student.data_preprocessor, '_channel_conversion', False):
            found = found.flip(-1)  # files are read in the order blue, green, red
        return np.ascontiguousarray(found.cpu().numpy())

    def _normalisation(self) -> tuple[Tensor | float, Tensor | float]:
        prepare = self.student.data_preprocessor
        if not getattr(prepare, '_enable_normalize', False):
            return 0.0, 1.0
        return prepare.mean, prepare.std

    def _refined(
        self, pseudo: PseudoLabels, pictures: np.ndarray, sizes: Sequence[tuple[int, int]]
    ) -> PseudoLabels:
        labels, lost = pseudo.labels.clone(), []
        for number, (height, width) in enumerate(sizes):
            before = pseudo.labels[number, :height, :width].byte().cpu().numpy()
            refined = self.refiner(pictures[number, :height, :width], before)
            labels[number, :height, :width] = refined.labels().to(labels)
            lost.append(refined.lost())
        return replace(pseudo, labels=labels, lost=lost)

    def _taught(self, lesson: Lesson, pseudo: PseudoLabels) -> Lesson:
        """The lesson with the student's views and the teacher's labels."""
        source, target = lesson.part(taught=False), lesson.part(taught=True)
        images = target.images if target.restyled is None else target.restyled
        labels, weights = pseudo.labels, pseudo.weights
        if self.mixing is not None and source is not None:
            own = torch.stack([sample.gt_sem_seg.data[0] for sample in source.samples])
            mixed = pasted(self.mixing, source.images, own.to(labels), (images, labels, weights))
            images, labels, weights = mixed
        if self.augment is not None:
            images = self.augment(images, *self._normalisation())
        places = [k for k, each in enumerate(lesson.taught) if each]
        joint, samples = lesson.images.clone(), list(lesson.samples)
        joint[places] = images.to(joint)
        taught = labelled_samples(target.samples, replace(pseudo, labels=labels), images)
        for sample, place in zip(taught, places, strict=True):
            samples[place] = sample
        if weights is not None:
            every = weights.new_ones(len(joint), *weights.shape[1:])
            every[places] = weights
            weights = every
        return Lesson(joint, samples, lesson.taught, weights, lesson.restyled)
