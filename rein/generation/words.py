"""Words for the driving classes and for the scenes that they stand in: data only."""

from rein.datasets.class_texts import SYNONYMS
from rein.datasets.classes import CLASSES

# In the order of DATUM's generation script, which is not that of the train ids.
THINGS = (
    'traffic light',
    'traffic sign',
    'person',
    'rider',
    'car',
    'truck',
    'train',
    'bus',
    'motorcycle',
    'bicycle',
)
STUFF = tuple(name for name in CLASSES if name not in THINGS)
PLURALS = {
    **{name: f'{name}s' for name in CLASSES},
    'bus': 'buses',
    'vegetation': 'vegetation',
    'terrain': 'terrain',
    'sky': 'skies',
}

# By which a class is found in a sentence, beside its name and the words of its text embeddings.
# The longest word that fits counts, so that a "street lamp" is no street.
OTHER_WORDS = {
    'road': ('roads', 'street', 'streets', 'highway', 'avenue', 'crossroads', 'intersection'),
    'sidewalk': ('sidewalks', 'pavements', 'footpath', 'walkway'),
    'building': ('houses', 'skyscraper', 'skyscrapers', 'shop', 'shops', 'apartment block'),
    'pole': ('street lamp', 'street lamps', 'lamp post', 'lamp posts'),
    'traffic sign': ('traffic signs', 'stop signs', 'road sign', 'road signs'),
    'vegetation': ('bush', 'hedge', 'hedges', 'shrubs'),
    'terrain': ('lawn', 'meadow'),
    'sky': ('skies', 'cloudy sky'),
    'person': (
        'persons',
        'people',
        'pedestrian',
        'pedestrians',
        'child',
        'children',
        'woman',
        'women',
        'man',
        'men',
        'crowd',
    ),
    'rider': ('riders', 'cyclist', 'cyclists', 'motorcyclist', 'motorcyclists'),
    'car': ('taxi', 'taxis', 'van', 'vans'),
    'truck': ('lorry', 'lorries'),
    'train': ('tram', 'trams', 'streetcar'),
    'motorcycle': ('motorbike', 'motorbikes', 'scooter', 'scooters'),
}
# Words of text embeddings that say something else in a sentence about a street.
NOT_HERE = {'ceiling', 'railroad', 'snow', 'water', 'sea', 'river', 'rock', 'clouds'}
WORD_CLASSES = {
    word: name
    for name, synonyms in zip(CLASSES, SYNONYMS, strict=True)
    for word in (name, PLURALS[name], *synonyms, *OTHER_WORDS.get(name, ()))
    if word not in NOT_HERE
}

# What a sentence of the grammar is put together of.
OPENINGS = ('A photo of', 'A picture of', 'A snapshot of')
TIMES = (
    'at dawn',
    'in the morning',
    'at noon',
    'on a late afternoon',
    'at sunset',
    'at dusk',
    'at night',
)
WEATHERS = (
    'in clear weather',
    'under an overcast sky',
    'in light rain',
    'in heavy rain',
    'in thick fog',
    'in a snowfall',
    'after the rain',
)
PLACES = (
    'on a wide avenue',
    'on a narrow street of an old town',
    'in a residential area',
    'in a business district',
    'on a country road',
    'on a highway',
    'at a busy intersection',
    'near a construction site',
    'in a village',
    'on a bridge',
    'beside a park',
    'in an industrial area',
)
VIEWPOINTS = (
    'seen from a dash cam',
    'seen from inside a car',
    'seen from the middle of the road',
    'seen from the right lane',
    'with traffic ahead',
    'in the distance',
    'close by',
)
OBJECTS = {
    'road': ('an empty road', 'a wet road', 'a road with fresh markings', 'a cracked road'),
    'sidewalk': ('a broad sidewalk', 'a sidewalk of cobblestones', 'a crowded sidewalk'),
    'building': ('a row of buildings', 'a tall office building', 'old brick houses'),
    'wall': ('a concrete wall', 'a wall with graffiti', 'a low stone wall'),
    'fence': ('a metal fence', 'a wooden fence', 'a fence along the lane'),
    'pole': ('a row of street lamps', 'a utility pole', 'poles along the lane'),
    'traffic light': ('a red traffic light', 'a green traffic light', 'hanging traffic lights'),
    'traffic sign': ('a traffic sign', 'several traffic signs', 'a stop sign'),
    'vegetation': ('tall trees', 'a hedge', 'trees along the lane'),
    'terrain': ('a strip of grass', 'a lawn', 'dry grass by the lane'),
    'sky': ('a street under a wide sky', 'a dramatic sky over a street', 'rooftops and sky'),
    'person': ('a pedestrian crossing', 'people waiting', 'a child with a parent', 'a crowd'),
    'rider': ('a cyclist', 'a motorcyclist', 'cyclists side by side'),
    'car': ('a parked car', 'a line of cars', 'a taxi', 'an oncoming car'),
    'truck': ('a delivery truck', 'a heavy truck', 'trucks in a line'),
    'bus': ('a city bus', 'a double-decker bus', 'a bus at its stop'),
    'train': ('a tram', 'a train passing', 'a tram at its stop'),
    'motorcycle': ('a parked motorcycle', 'a scooter', 'two motorcycles'),
    'bicycle': ('a parked bicycle', 'bicycles at a rack', 'a bicycle by a post'),
}
