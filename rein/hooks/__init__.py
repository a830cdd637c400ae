"""What happens around a training step: checkpoints, seeds, log lines, pictures."""

from rein.hooks.atomic import AtomicBackend
from rein.hooks.checkpoint import AdapterCheckpointHook
from rein.hooks.lessons import LessonPicturesHook
from rein.hooks.pictures import PicturesHook
from rein.hooks.progress import TimedLoggerHook
from rein.hooks.pseudo_labels import PseudoLabelHook
from rein.hooks.seeds import IterationSeedHook
from rein.hooks.teacher import AnnealedTeacherHook, TeacherHook
from rein.hooks.whitening_masks import WhiteningMasksHook
from rein.hooks.worst import WorstImagesHook

__all__ = [
    'AdapterCheckpointHook',
    'AnnealedTeacherHook',
    'AtomicBackend',
    'IterationSeedHook',
    'LessonPicturesHook',
    'PicturesHook',
    'PseudoLabelHook',
    'TeacherHook',
    'TimedLoggerHook',
    'WhiteningMasksHook',
    'WorstImagesHook',
]
