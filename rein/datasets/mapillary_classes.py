"""The 66 labels of Mapillary Vistas v1.2 and the class that each belongs to.

Data only. The number of a label is its place in ``MAPILLARY_LABELS``, the order of the release's
own ``config_v1.2.json``. Version 2.0 has 124 labels in another order: its numbers mean something
else, so labels are mapped by name.
"""

from rein.datasets.classes import CLASSES, IGNORE

MAPILLARY_LABELS = (
    'animal--bird',
    'animal--ground-animal',
    'construction--barrier--curb',
    'construction--barrier--fence',
    'construction--barrier--guard-rail',
    'construction--barrier--other-barrier',
    'construction--barrier--wall',
    'construction--flat--bike-lane',
    'construction--flat--crosswalk-plain',
    'construction--flat--curb-cut',
    'construction--flat--parking',
    'construction--flat--pedestrian-area',
    'construction--flat--rail-track',
    'construction--flat--road',
    'construction--flat--service-lane',
    'construction--flat--sidewalk',
    'construction--structure--bridge',
    'construction--structure--building',
    'construction--structure--tunnel',
    'human--person',
    'human--rider--bicyclist',
    'human--rider--motorcyclist',
    'human--rider--other-rider',
    'marking--crosswalk-zebra',
    'marking--general',
    'nature--mountain',
    'nature--sand',
    'nature--sky',
    'nature--snow',
    'nature--terrain',
    'nature--vegetation',
    'nature--water',
    'object--banner',
    'object--bench',
    'object--bike-rack',
    'object--billboard',
    'object--catch-basin',
    'object--cctv-camera',
    'object--fire-hydrant',
    'object--junction-box',
    'object--mailbox',
    'object--manhole',
    'object--phone-booth',
    'object--pothole',
    'object--street-light',
    'object--support--pole',
    'object--support--traffic-sign-frame',
    'object--support--utility-pole',
    'object--traffic-light',
    'object--traffic-sign--back',
    'object--traffic-sign--front',
    'object--trash-can',
    'object--vehicle--bicycle',
    'object--vehicle--boat',
    'object--vehicle--bus',
    'object--vehicle--car',
    'object--vehicle--caravan',
    'object--vehicle--motorcycle',
    'object--vehicle--on-rails',
    'object--vehicle--other-vehicle',
    'object--vehicle--trailer',
    'object--vehicle--truck',
    'object--vehicle--wheeled-slow',
    'void--car-mount',
    'void--ego-vehicle',
    'void--unlabeled',
)

MAPILLARY_GROUPS = {
    'road': (
        'construction--flat--bike-lane',
        'construction--flat--crosswalk-plain',
        'construction--flat--parking',
        'construction--flat--road',
        'construction--flat--service-lane',
        'marking--crosswalk-zebra',
        'marking--general',
    ),
    'sidewalk': (
        'construction--barrier--curb',
        'construction--flat--curb-cut',
        'construction--flat--pedestrian-area',
        'construction--flat--sidewalk',
    ),
    'building': ('construction--structure--building',),
    'wall': ('construction--barrier--wall',),
    'fence': ('construction--barrier--fence',),
    'pole': ('object--street-light', 'object--support--pole', 'object--support--utility-pole'),
    'traffic light': ('object--traffic-light',),
    'traffic sign': (
        'object--support--traffic-sign-frame',
        'object--traffic-sign--back',
        'object--traffic-sign--front',
    ),
    'vegetation': ('nature--vegetation',),
    'terrain': ('nature--terrain',),
    'sky': ('nature--sky',),
    'person': ('human--person',),
    'rider': (
        'human--rider--bicyclist',
        'human--rider--motorcyclist',
        'human--rider--other-rider',
    ),
    'car': ('object--vehicle--car',),
    'truck': ('object--vehicle--truck',),
    'bus': ('object--vehicle--bus',),
    'train': ('object--vehicle--on-rails',),
    'motorcycle': ('object--vehicle--motorcycle',),
    'bicycle': ('object--vehicle--bicycle',),
}

# RobustNet, BlindNet and CLOUDS leave lane markings on crossings, parking and service lanes, the
# backs of signs and more without a class, and count manholes as road.
ROBUSTNET_GROUPS = {
    **MAPILLARY_GROUPS,
    'road': ('construction--flat--road', 'marking--general', 'object--manhole'),
    'sidewalk': ('construction--barrier--curb', 'construction--flat--sidewalk'),
    'pole': ('object--support--pole', 'object--support--utility-pole'),
    'traffic sign': ('object--traffic-sign--front',),
}

GROUPINGS = {'rein': MAPILLARY_GROUPS, 'robustnet': ROBUSTNET_GROUPS}


def _ids(groups: dict[str, tuple[str, ...]]) -> dict[int, int]:
    classes = {name: CLASSES.index(c) for c, names in groups.items() for name in names}
    return {k: classes.get(name, IGNORE) for k, name in enumerate(MAPILLARY_LABELS)}


# number in the labels of v1.2 -> train id, by grouping
MAPILLARY_IDS = {grouping: _ids(groups) for grouping, groups in GROUPINGS.items()}

# Names that v2.0 has and v1.2 has not, by the definitions of Cityscapes' classes: driveways go
# with parking, traffic islands are sidewalk, a garage is a building. No paper evaluates v2.0.
V2_GROUPS = {
    'road': (
        'construction--flat--driveway',
        'construction--flat--parking-aisle',
        'construction--flat--road-shoulder',
        'marking--continuous--dashed',
        'marking--continuous--solid',
        'marking--continuous--zigzag',
        'marking--discrete--ambiguous',
        'marking--discrete--arrow--left',
        'marking--discrete--arrow--other',
        'marking--discrete--arrow--right',
        'marking--discrete--arrow--split-left-or-straight',
        'marking--discrete--arrow--split-right-or-straight',
        'marking--discrete--arrow--straight',
        'marking--discrete--crosswalk-zebra',
        'marking--discrete--give-way-row',
        'marking--discrete--give-way-single',
        'marking--discrete--hatched--chevron',
        'marking--discrete--hatched--diagonal',
        'marking--discrete--other-marking',
        'marking--discrete--stop-line',
        'marking--discrete--symbol--bicycle',
        'marking--discrete--symbol--other',
        'marking--discrete--text',
        'marking-only--continuous--dashed',
        'marking-only--discrete--crosswalk-zebra',
        'marking-only--discrete--other-marking',
        'marking-only--discrete--text',
    ),
    'sidewalk': ('construction--flat--traffic-island',),
    'building': ('construction--structure--garage',),
    'traffic light': (
        'object--traffic-light--cyclists',
        'object--traffic-light--general-horizontal',
        'object--traffic-light--general-single',
        'object--traffic-light--general-upright',
        'object--traffic-light--other',
        'object--traffic-light--pedestrians',
    ),
    'traffic sign': (
        'object--traffic-sign--ambiguous',
        'object--traffic-sign--direction-back',
        'object--traffic-sign--direction-front',
        'object--traffic-sign--information-parking',
        'object--traffic-sign--temporary-back',
        'object--traffic-sign--temporary-front',
    ),
    'person': ('human--person--individual', 'human--person--person-group'),
}
V2_VOID = (
    'construction--barrier--ambiguous',
    'construction--barrier--concrete-block',
    'construction--barrier--road-median',
    'construction--barrier--road-side',
    'construction--barrier--separator',
    'construction--barrier--temporary',
    'object--parking-meter',
    'object--ramp',
    'object--sign--advertisement',
    'object--sign--ambiguous',
    'object--sign--back',
    'object--sign--information',
    'object--sign--other',
    'object--sign--store',
    'object--support--pole-group',
    'object--traffic-cone',
    'object--vehicle--vehicle-group',
    'object--water-valve',
    'void--dynamic',
    'void--ground',
    'void--static',
)
