"""The classes of driving scenes, their colours, and the numbers each data set gives them.

Data only. Everything is expressed in the 19 classes of Cityscapes' evaluation ("train ids"); a
pixel of no class is ``IGNORE``. The maps below go from the number in a release's label file to
the train id.
"""

IGNORE = 255

CLASSES = (
    'road',
    'sidewalk',
    'building',
    'wall',
    'fence',
    'pole',
    'traffic light',
    'traffic sign',
    'vegetation',
    'terrain',
    'sky',
    'person',
    'rider',
    'car',
    'truck',
    'bus',
    'train',
    'motorcycle',
    'bicycle',
)

PALETTE = (
    (128, 64, 128),
    (244, 35, 232),
    (70, 70, 70),
    (102, 102, 156),
    (190, 153, 153),
    (153, 153, 153),
    (250, 170, 30),
    (220, 220, 0),
    (107, 142, 35),
    (152, 251, 152),
    (70, 130, 180),
    (220, 20, 60),
    (255, 0, 0),
    (0, 0, 142),
    (0, 0, 70),
    (0, 60, 100),
    (0, 80, 100),
    (0, 0, 230),
    (119, 11, 32),
)

# Countable objects; the other eleven classes are surfaces without instances.
THINGS = CLASSES[11:]


def _ids(numbers: dict[int, str], void: tuple[int, ...]) -> dict[int, int]:
    """Spell out a map: the train id of each number, and IGNORE for the void ones."""
    return {**dict.fromkeys(void, IGNORE), **{n: CLASSES.index(c) for n, c in numbers.items()}}


TRAIN_IDS = {**{k: k for k in range(len(CLASSES))}, IGNORE: IGNORE}

# The "labelIds" of Cityscapes; 255 stands where a tool wrote the licence plate's -1 to 8 bits.
_CITYSCAPES = dict(zip((7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33), CLASSES, strict=True))
CITYSCAPES_IDS = _ids(_CITYSCAPES, void=(*range(34), IGNORE))

# GTA5 shares them, and writes the licence plate as 34.
GTA5_IDS = {**CITYSCAPES_IDS, 34: IGNORE}

# SYNTHIA-RAND-CITYSCAPES. Terrain (16), truck (18) and train (20) have numbers but no pixels.
# Its lane marking (22) is void here, as in most papers; a few call it road.
SYNTHIA_IDS = _ids(
    {
        3: 'road',
        4: 'sidewalk',
        2: 'building',
        21: 'wall',
        5: 'fence',
        7: 'pole',
        15: 'traffic light',
        9: 'traffic sign',
        6: 'vegetation',
        16: 'terrain',
        1: 'sky',
        10: 'person',
        17: 'rider',
        8: 'car',
        18: 'truck',
        19: 'bus',
        20: 'train',
        12: 'motorcycle',
        11: 'bicycle',
    },
    void=tuple(range(23)),
)

# UrbanSyn writes train ids, and 19 for what is unlabelled.
URBANSYN_IDS = {**TRAIN_IDS, 19: IGNORE}

# CamVid in the 11 classes of the SegNet tutorial. "Fence" covers walls, "SignSymbol" covers
# traffic lights, "Car" covers vans, lorries and buses, "Bicyclist" is rider and bicycle.
CAMVID_IDS = _ids(
    {
        0: 'sky',
        1: 'building',
        2: 'pole',
        3: 'road',
        4: 'sidewalk',
        5: 'vegetation',
        6: 'traffic sign',
        7: 'fence',
        8: 'car',
        9: 'person',
        10: 'rider',
    },
    void=(11,),
)

# Sets of classes to score instead of the 19: the name of each group and what it is made of.
# A class of no group is not scored, but taking one for a scored class is an error of the latter.
MERGES = {
    'camvid11': {
        'road': ('road',),
        'sidewalk': ('sidewalk',),
        'building': ('building',),
        'fence': ('wall', 'fence'),
        'pole': ('pole',),
        'traffic sign': ('traffic light', 'traffic sign'),
        'vegetation': ('vegetation', 'terrain'),
        'sky': ('sky',),
        'person': ('person',),
        'rider': ('rider', 'motorcycle', 'bicycle'),
        'car': ('car', 'truck', 'bus', 'train'),
    },
    'synthia16': {c: (c,) for c in CLASSES if c not in ('terrain', 'truck', 'train')},
    'synthia13': {
        c: (c,) for c in CLASSES if c not in ('terrain', 'truck', 'train', 'wall', 'fence', 'pole')
    },
}

# The corruptions of Cityscapes-C by kind, under the names of ImageNet-C, and their severities.
CORRUPTION_KINDS = {
    'blur': ('motion_blur', 'defocus_blur', 'glass_blur', 'gaussian_blur'),
    'noise': ('gaussian_noise', 'impulse_noise', 'shot_noise', 'speckle_noise'),
    'digital': ('brightness', 'contrast', 'saturate', 'jpeg_compression'),
    'weather': ('snow', 'spatter', 'fog', 'frost'),
}
CORRUPTIONS = tuple(name for names in CORRUPTION_KINDS.values() for name in names)
LEVELS = (1, 2, 3, 4, 5)
