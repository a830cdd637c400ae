"""Words for the 19 driving classes, and sentences to put them into: for text encoders.

Source: the class names of FC-CLIP (Yu et al., NeurIPS 2023, arXiv:2308.02487), which CLOUDS took
over, and the sentences of ViLD (Gu et al., ICLR 2022, arXiv:2104.13921).
"""

SYNONYMS = (
    ('road', 'railroad'),
    ('sidewalk', 'pavement'),
    ('building', 'buildings', 'edifice', 'edifices', 'house', 'ceiling'),
    ('wall', 'walls', 'brick wall', 'stone wall', 'tile wall', 'wood wall'),
    ('fence', 'fences'),
    ('pole', 'poles'),
    ('traffic light', 'traffic lights'),
    ('traffic sign', 'stop sign'),
    ('vegetation', 'tree', 'trees', 'palm tree', 'bushes'),
    (
        'terrain',
        'river',
        'sand',
        'sea',
        'snow',
        'water',
        'mountain',
        'grass',
        'dirt',
        'rock',
    ),
    ('sky', 'clouds'),
    ('person',),
    ('rider',),
    ('car', 'cars'),
    ('truck', 'trucks'),
    ('bus', 'buses'),
    ('train', 'trains', 'locomotive', 'locomotives', 'freight train'),
    ('motorcycle', 'motorcycles'),
    ('bicycle', 'bicycles', 'bike', 'bikes'),
)
TEMPLATES = (
    'a photo of a {}.',
    'This is a photo of a {}',
    'There is a {} in the scene',
    'There is the {} in the scene',
    'a photo of a {} in the scene',
    'a photo of a small {}.',
    'a photo of a medium {}.',
    'a photo of a large {}.',
    'This is a photo of a small {}.',
    'This is a photo of a medium {}.',
    'This is a photo of a large {}.',
    'There is a small {} in the scene.',
    'There is a medium {} in the scene.',
    'There is a large {} in the scene.',
)
TEXTS = [t.format(word) for words in SYNONYMS for word in words for t in TEMPLATES]
CLASS_OF = [number for number, words in enumerate(SYNONYMS) for _ in words]
