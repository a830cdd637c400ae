"""What a scene is made of: parts (a tyre, a window) with their class, material and colours.

A part has one class, so a map of parts is a finer label than the 19 classes; a map of materials is
one of another kind. Colours are those of the style `game`, in RGB.
"""

from typing import NamedTuple

import numpy as np

from rein.datasets.classes import CLASSES

RGB = tuple[int, int, int]


class Material(NamedTuple):
    """How a surface takes texture and weather; fractions in 0..1.

    Args:
        texture: name in ``textures.KINDS``.
        grain: contrast of the texture, relative to the colour.
        snow: how much of a full snow cover stays on it.
        wet: how far rain darkens it and makes it mirror.
        glow: how bright it is at night by itself.
    """

    texture: str
    grain: float
    snow: float = 0.0
    wet: float = 0.0
    glow: float = 0.0


MATERIALS = {
    'air': Material('smooth', 0.0),
    'asphalt': Material('grit', 0.075, 0.5, 1.0),
    'paint': Material('grit', 0.05, 0.4, 0.6),
    'paving': Material('tiles', 0.06, 0.9, 0.7),
    'stone': Material('grit', 0.06, 0.7, 0.5),
    'grass': Material('grass', 0.13, 0.95, 0.2),
    'soil': Material('clumps', 0.12, 0.9, 0.3),
    'plaster': Material('smooth', 0.05, 0.0, 0.15),
    'brick': Material('bricks', 0.09, 0.0, 0.2),
    'concrete': Material('clumps', 0.05, 0.0, 0.2),
    'glass': Material('smooth', 0.12, 0.0, 0.1),
    'lit glass': Material('smooth', 0.12, 0.0, 0.1, 0.75),
    'tile': Material('rows', 0.08, 0.9, 0.2),
    'wood': Material('planks', 0.1, 0.1, 0.2),
    'metal': Material('smooth', 0.03, 0.1, 0.1),
    'leaf': Material('leaves', 0.2, 0.55, 0.15),
    'bark': Material('planks', 0.15, 0.1, 0.2),
    'skin': Material('smooth', 0.02),
    'cloth': Material('smooth', 0.06, 0.0, 0.1),
    'rubber': Material('smooth', 0.03, 0.0, 0.1),
    'lamp': Material('smooth', 0.0, 0.0, 0.0, 1.0),
    'far': Material('clumps', 0.03, 0.3, 0.1),
}


class Part(NamedTuple):
    """A kind of surface: its class, its material, and the colours it comes in."""

    label: str
    material: str
    colours: tuple[RGB, ...]


_CAR_PAINT = (
    (190, 28, 30),
    (28, 58, 150),
    (232, 233, 235),
    (38, 39, 44),
    (152, 155, 160),
    (24, 92, 62),
    (206, 168, 48),
    (96, 24, 34),
    (92, 136, 180),
)
_CARGO = ((225, 225, 220), (60, 100, 160), (196, 120, 50), (120, 126, 130), (60, 110, 70))
_TRAM = ((200, 40, 40), (235, 225, 190), (30, 110, 90), (240, 180, 30))
_CLOTH = (
    (42, 50, 92),
    (165, 42, 44),
    (66, 66, 70),
    (205, 195, 175),
    (52, 104, 74),
    (100, 62, 118),
    (24, 24, 28),
    (222, 160, 44),
)
_TROUSERS = ((38, 46, 78), (28, 28, 32), (96, 88, 76), (70, 72, 80))
_SKIN = ((222, 176, 146), (178, 128, 98), (116, 80, 60))
_HAIR = ((52, 36, 26), (26, 22, 20), (150, 112, 62), (120, 116, 112))
_GLASS = ((52, 66, 84), (74, 92, 110))
_DARK = ((26, 26, 28),)
_STEEL = ((98, 100, 102), (66, 74, 70))
_LEAF = ((62, 108, 42), (82, 124, 50), (52, 98, 56))

PARTS = {
    'sky': Part('sky', 'air', ((118, 168, 226),)),
    'asphalt': Part('road', 'asphalt', ((90, 90, 94),)),
    'patch': Part('road', 'asphalt', ((72, 72, 77), (104, 103, 104))),
    'marking': Part('road', 'paint', ((226, 226, 220),)),
    'manhole': Part('road', 'metal', ((62, 60, 60),)),
    'rail': Part('road', 'metal', ((134, 130, 126),)),
    'curb': Part('sidewalk', 'stone', ((172, 170, 164),)),
    'paving': Part('sidewalk', 'paving', ((162, 152, 144),)),
    'grass': Part('terrain', 'grass', ((98, 138, 62),)),
    'soil': Part('terrain', 'soil', ((132, 108, 78),)),
    'plaster': Part(
        'building',
        'plaster',
        ((202, 186, 158), (190, 160, 124), (176, 178, 182), (214, 200, 186), (166, 138, 118)),
    ),
    'brick': Part('building', 'brick', ((156, 92, 72), (136, 76, 60), (176, 124, 96))),
    'concrete': Part('building', 'concrete', ((160, 162, 164), (140, 138, 134))),
    'frame': Part('building', 'plaster', ((226, 222, 212), (120, 96, 78))),
    'window': Part('building', 'glass', ((60, 76, 96), (84, 104, 124))),
    'lit window': Part('building', 'lit glass', ((66, 82, 100), (92, 108, 124))),
    'shop': Part('building', 'lit glass', ((76, 94, 106), (52, 58, 68))),
    'door': Part('building', 'wood', ((96, 64, 44), (58, 62, 72), (40, 74, 60))),
    'awning': Part('building', 'cloth', ((186, 46, 44), (44, 96, 68), (224, 220, 208))),
    'ledge': Part('building', 'stone', ((206, 200, 188), (150, 144, 136))),
    'roof': Part('building', 'tile', ((138, 74, 58), (94, 92, 96), (112, 84, 70))),
    'skyline': Part('building', 'far', ((150, 156, 168), (164, 164, 170))),
    'wall': Part('wall', 'brick', ((156, 132, 116), (170, 168, 162), (142, 122, 108))),
    'coping': Part('wall', 'stone', ((186, 182, 174),)),
    'barrier': Part('wall', 'concrete', ((178, 178, 172),)),
    'rails': Part('fence', 'metal', ((58, 62, 62), (46, 84, 58), (140, 142, 144))),
    'slats': Part('fence', 'wood', ((140, 102, 66), (206, 202, 194))),
    'fence gap': Part('fence', 'air', ((120, 120, 120),)),
    'pole': Part('pole', 'metal', _STEEL),
    'lamp': Part('pole', 'lamp', ((236, 234, 220),)),
    'signal box': Part('traffic light', 'metal', ((30, 32, 32), (44, 46, 40))),
    'dark lens': Part('traffic light', 'metal', ((58, 50, 44),)),
    'red lens': Part('traffic light', 'lamp', ((250, 52, 40),)),
    'amber lens': Part('traffic light', 'lamp', ((250, 190, 50),)),
    'green lens': Part('traffic light', 'lamp', ((52, 230, 130),)),
    'red sign': Part('traffic sign', 'metal', ((206, 34, 38),)),
    'blue sign': Part('traffic sign', 'metal', ((32, 78, 178), (22, 96, 70))),
    'yellow sign': Part('traffic sign', 'metal', ((238, 206, 56),)),
    'white sign': Part('traffic sign', 'metal', ((238, 238, 236),)),
    'sign print': Part('traffic sign', 'metal', ((30, 30, 34),)),
    'leaf': Part('vegetation', 'leaf', _LEAF),
    'shaded leaf': Part('vegetation', 'leaf', ((40, 76, 32), (54, 88, 38), (34, 70, 42))),
    'sunny leaf': Part('vegetation', 'leaf', ((94, 142, 56), (112, 154, 62), (78, 128, 72))),
    'bough': Part('vegetation', 'bark', ((82, 66, 52),)),
    'crown gap': Part('vegetation', 'air', ((120, 130, 110),)),
    'trunk': Part('vegetation', 'bark', ((88, 70, 52), (108, 96, 82))),
    'hedge': Part('vegetation', 'leaf', ((52, 98, 44), (70, 110, 48))),
    'hill': Part('vegetation', 'far', ((96, 126, 104), (84, 114, 84))),
    'hair': Part('person', 'cloth', _HAIR),
    'face': Part('person', 'skin', _SKIN),
    'torso': Part('person', 'cloth', _CLOTH),
    'arm': Part('person', 'cloth', _CLOTH),
    'leg': Part('person', 'cloth', _TROUSERS),
    'shoe': Part('person', 'rubber', _DARK),
    'bag': Part('person', 'cloth', _CLOTH),
    'helmet': Part('rider', 'metal', ((232, 232, 228), (38, 38, 42), (200, 44, 40))),
    'rider face': Part('rider', 'skin', _SKIN),
    'rider torso': Part('rider', 'cloth', _CLOTH),
    'rider leg': Part('rider', 'cloth', _TROUSERS),
    'car body': Part('car', 'metal', _CAR_PAINT),
    'car glass': Part('car', 'glass', _GLASS),
    'car trim': Part('car', 'rubber', ((44, 45, 48),)),
    'car tyre': Part('car', 'rubber', _DARK),
    'car rim': Part('car', 'metal', ((160, 162, 165),)),
    'tail light': Part('car', 'lamp', ((204, 26, 28),)),
    'head light': Part('car', 'lamp', ((246, 244, 226),)),
    'plate': Part('car', 'metal', ((236, 236, 226), (232, 212, 90))),
    'truck cab': Part('truck', 'metal', _CAR_PAINT),
    'cargo': Part('truck', 'metal', _CARGO),
    'cargo seam': Part('truck', 'metal', ((112, 112, 112),)),
    'truck glass': Part('truck', 'glass', _GLASS),
    'truck trim': Part('truck', 'rubber', ((46, 46, 48),)),
    'truck tyre': Part('truck', 'rubber', _DARK),
    'truck light': Part('truck', 'lamp', ((204, 34, 28),)),
    'bus body': Part(
        'bus', 'metal', ((206, 44, 40), (236, 196, 60), (60, 110, 176), (222, 224, 220))
    ),
    'bus stripe': Part('bus', 'metal', ((236, 236, 230), (60, 62, 70))),
    'bus glass': Part('bus', 'lit glass', ((48, 60, 74),)),
    'bus board': Part('bus', 'lamp', ((240, 170, 50),)),
    'bus trim': Part('bus', 'rubber', ((46, 46, 48),)),
    'bus tyre': Part('bus', 'rubber', _DARK),
    'bus light': Part('bus', 'lamp', ((210, 40, 32),)),
    'tram body': Part('train', 'metal', _TRAM),
    'tram stripe': Part('train', 'metal', ((240, 238, 226), (70, 74, 80))),
    'tram glass': Part('train', 'lit glass', ((44, 54, 66),)),
    'tram trim': Part('train', 'rubber', ((52, 54, 58),)),
    'tram light': Part('train', 'lamp', ((250, 246, 220),)),
    'moto body': Part('motorcycle', 'metal', ((180, 32, 34), (34, 36, 40), (42, 70, 140))),
    'moto seat': Part('motorcycle', 'rubber', ((36, 34, 34),)),
    'moto tyre': Part('motorcycle', 'rubber', _DARK),
    'moto light': Part('motorcycle', 'lamp', ((214, 34, 30),)),
    'bike frame': Part(
        'bicycle', 'metal', ((186, 42, 40), (40, 80, 150), (38, 38, 42), (60, 130, 90))
    ),
    'bike tyre': Part('bicycle', 'rubber', ((30, 30, 32),)),
    'bike gap': Part('bicycle', 'air', ((120, 120, 120),)),
}

PART_NAMES = tuple(PARTS)
MATERIAL_NAMES = tuple(MATERIALS)
PART_ID = {name: i for i, name in enumerate(PART_NAMES)}
PART_CLASS = np.array([CLASSES.index(p.label) for p in PARTS.values()], np.uint8)
PART_MATERIAL = np.array([MATERIAL_NAMES.index(p.material) for p in PARTS.values()], np.uint8)
