"""Street scenes drawn at the moment they are asked for: no files, and as many as wanted."""

import numpy as np
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from rein.datasets.classes import CLASSES, PALETTE
from rein.datasets.streetscenes import STYLES, look, paint
from rein.datasets.streetscenes.parts import MATERIAL_NAMES, PARTS
from rein.datasets.streetscenes.picture import SIZE, check


def _material_colours() -> tuple[tuple[int, int, int], ...]:
    """The colour of the first part that is made of each material."""
    first = {part.material: part.colours[0] for part in reversed(PARTS.values())}
    return tuple(first[name] for name in MATERIAL_NAMES)


LABELS = {
    'classes': dict(classes=CLASSES, palette=PALETTE),
    'materials': dict(classes=MATERIAL_NAMES, palette=_material_colours()),
}


@DATASETS.register_module()
class DrawnScenes(BaseSegDataset):
    """Scenes of consecutive seeds in one style, drawn on loading.

    The pipeline starts with the image and the labels in place (no ``LoadImage``, no
    ``LoadLabels``), and with ``gt_depth_map``: (H, W) float32, metres along the viewing
    direction.

    Args:
        style: one of ``streetscenes.STYLES``.
        count: number of scenes.
        first: seed of the first. Files that ``data_prep/streetscenes.py`` writes with its
            ``--seed`` s are those of seeds 2,000,000 s to 2,000,000 (s + 1) - 1.
        size: (width, height) in pixels.
        labels: ``'classes'``, the 19 of driving scenes, ``'materials'``, what surfaces are
            made of: labels of another granularity, for pre-training, or None: images without.
        domain: name that results are grouped under; the style by default.
        look: seed of what the style draws for every scene, such as light and sensor. By default
            (None) each scene has its own; with the seed of a scene all look as that one.
        **kwargs: of MMSegmentation's ``BaseSegDataset``: ``pipeline``, ``test_mode``, ...
    """

    def __init__(
        self,
        style: str,
        count: int,
        first: int = 0,
        size: tuple[int, int] = SIZE,
        labels: str | None = 'classes',
        domain: str | None = None,
        look: int | None = None,
        **kwargs: object,
    ) -> None:
        if style not in STYLES:
            raise ValueError(f'DrawnScenes: style={style!r} is none of {", ".join(STYLES)}')
        if labels not in (*LABELS, None):
            raise ValueError(f'DrawnScenes: labels={labels!r} is none of {", ".join(LABELS)}')
        if count < 1:
            raise ValueError(f'DrawnScenes: count={count}; use a number of scenes from 1')
        check(first if look is None else min(first, look), size)
        self.style, self.count, self.first, self.size = style, count, first, tuple(size)
        self.labels, self.look = labels, look
        self.domain = style if domain is None else domain
        super().__init__(metainfo=LABELS[labels or 'classes'], data_prefix={}, **kwargs)

    def full_init(self) -> None:
        """There is no list to load: an entry is made when it is asked for."""
        self._fully_initialized = True

    def __len__(self) -> int:
        return self.count

    def get_data_info(self, idx: int) -> dict:
        """Seed, domain and name of a scene; ``img_path`` is a name, not a file."""
        if not 0 <= idx < self.count:
            raise IndexError(f'scene {idx} of {self.count}')
        seed = self.first + idx
        return dict(
            img_path=f'{self.style}/scene_{seed}.png',
            scene=seed,
            domain=self.domain,
            reduce_zero_label=False,
            sample_idx=idx,
        )

    def prepare_data(self, idx: int) -> dict:
        """Draw a scene and send it through the pipeline."""
        info = self.get_data_info(idx)
        scene, view = look(info['scene'], self.size)
        image = paint(scene, view, self.style, info['scene'] if self.look is None else self.look)
        shape = image.shape[:2]
        # BGR, as MMSegmentation reads files.
        loaded = dict(info, img=np.ascontiguousarray(image[..., ::-1]))
        loaded |= dict(img_shape=shape, ori_shape=shape, seg_fields=[])
        if self.labels is not None:
            labels = view.labels if self.labels == 'classes' else view.material_labels
            loaded |= dict(gt_seg_map=labels, gt_depth_map=view.depth)
            loaded['seg_fields'] = ['gt_seg_map', 'gt_depth_map']
        return self.pipeline(loaded)
