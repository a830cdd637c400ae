"""Labels are exactly what is drawn, object by object and in whole scenes."""

from functools import partial
from random import Random

import numpy as np
import pytest

from rein.datasets.classes import CLASSES, PALETTE
from rein.datasets.streetscenes import boundaries, furniture, look, paint, people, plants, shading
from rein.datasets.streetscenes.buildings import House, building
from rein.datasets.streetscenes.camera import Camera
from rein.datasets.streetscenes.cars import car
from rein.datasets.streetscenes.large_vehicles import bus, tram, truck
from rein.datasets.streetscenes.parts import PART_CLASS, PART_NAMES, PARTS
from rein.datasets.streetscenes.scene import Facing, Layer, Scene
from rein.datasets.streetscenes.shapes import front
from rein.datasets.streetscenes.styles import Light, Style, Surfaces
from rein.datasets.streetscenes.view import draw

CAMERA = Camera(height=1.5, horizon=0.5, focal=1.0, centre=0.5, bend=0.0)
SEE_THROUGH = {'fence', 'vegetation', 'bicycle'}


def empty_scene(seed=0):
    return Scene(Random(seed), CAMERA, (0.3, 0.5))


def classes_in(scene):
    present = np.unique(draw(scene, (256, 128)).labels)
    return {CLASSES[i] for i in present} - {'sky'}


OBJECTS = {
    'car': (partial(car, x=1, z=8, oncoming=0.5), {'car'}),
    'truck': (partial(truck, x=2, z=10, oncoming=0.5), {'truck'}),
    'bus': (partial(bus, x=-3, z=10, oncoming=0.5), {'bus'}),
    'tram': (partial(tram, x=-3, z=12), {'train'}),
    'person': (partial(people.person, x=1, z=6), {'person'}),
    'cyclist': (partial(people.ridden, x=0, z=6, kind=people.BICYCLE), {'rider', 'bicycle'}),
    'biker': (partial(people.ridden, x=0, z=6, kind=people.MOTORCYCLE), {'rider', 'motorcycle'}),
    'bicycle': (partial(people.parked, x=0, z=6, kind=people.BICYCLE), {'bicycle'}),
    'house': (partial(building, house=House(6, 1, 5, 20, 9)), {'building'}),
    'tree': (partial(plants.tree, x=2, z=10, height=6), {'vegetation'}),
    'bush': (partial(plants.bush, x=2, z=10, height=1.2), {'vegetation'}),
    'hedge': (partial(plants.hedge, x=4, z0=5, z1=20), {'vegetation'}),
    'wall': (partial(boundaries.wall, x=4, z0=5, z1=20), {'wall'}),
    'barrier': (partial(boundaries.barrier, x=4, z0=5, z1=20), {'wall'}),
    'fence': (partial(boundaries.fence, x=-4, z0=5, z1=50), {'fence'}),
    'guard rail': (partial(boundaries.guard_rail, x=4, z0=5, z1=50), {'fence'}),
    'lamp': (partial(furniture.street_lamp, x=3, z=10, inward=-1), {'pole'}),
    'signal': (partial(furniture.traffic_light, x=3, z=10, inward=-1), {'pole', 'traffic light'}),
    'sign': (partial(furniture.traffic_sign, x=3, z=10), {'pole', 'traffic sign'}),
}


@pytest.mark.parametrize('name', OBJECTS)
def test_an_object_alone_is_labelled_as_its_own_classes_and_no_other(name):
    draw_object, expected = OBJECTS[name]
    for seed in range(6):
        scene = empty_scene(seed)
        draw_object(scene)
        assert classes_in(scene) == expected


def test_a_rectangle_is_labelled_in_the_pixels_it_covers():
    scene = empty_scene()
    # 1 m x 1 m at 4 m with a focal length of 100 px: 25 px from column 37.5 to 62.5; its lower
    # edge lies 1.5 m below the camera, 37.5 px under row 50.
    scene.add('barrier', Facing.FRONT, 4.0, front(-0.5, 0.5, 0.0, 1.0, 4.0))
    labels = draw(scene, (100, 100)).labels
    inside = np.zeros((100, 100), bool)
    inside[63:87, 38:62] = True
    grown = np.zeros((100, 100), bool)
    grown[62:89, 37:64] = True
    wall = CLASSES.index('wall')
    assert (labels[inside] == wall).all()
    assert (labels[~grown] == CLASSES.index('sky')).all()


def test_what_is_painted_later_covers_image_and_label_alike():
    scene = empty_scene()
    scene.add('barrier', Facing.FRONT, 6.0, front(-2, 2, 0, 2, 6.0))
    scene.add('torso', Facing.FRONT, 4.0, front(-0.5, 0.5, 0, 1, 4.0))
    view = draw(scene, (100, 100))
    assert CLASSES[view.labels[75, 50]] == 'person'
    np.testing.assert_array_equal(view.labelled, view.seen)


def test_a_gap_is_labelled_fence_and_shows_what_is_behind():
    scene = empty_scene()
    scene.add('barrier', Facing.FRONT, 6.0, front(-2, 2, 0, 2, 6.0))
    gap = scene.surface('fence gap', Facing.FRONT, 5.0)
    scene.fill(gap, front(-1, 1, 0, 1, 5.0), Layer.LABEL)
    view = draw(scene, (100, 100))
    assert CLASSES[view.labels[70, 50]] == 'fence'
    assert PART_NAMES[view.parts[view.seen[70, 50]]] == 'barrier'


@pytest.mark.parametrize('seed', range(8))
def test_an_image_painted_in_class_colours_is_the_label_map(seed, monkeypatch):
    scene, view = look(seed)
    colours = np.array(PALETTE, np.float32)
    ids = colours[PART_CLASS[view.parts]]
    monkeypatch.setattr(shading, 'surface_colours', lambda *_: ids.copy())
    sky = PALETTE[CLASSES.index('sky')]
    plain = Light(zenith=sky, horizon=sky, clouds=0, sun=0)
    style = Style(Surfaces(jitter=0, grain=0), plain)
    image = shading.lit_surfaces(
        view, shading.locate(view), scene.sun, style, np.random.default_rng(0)
    )
    wrong = (np.abs(image - colours[view.labels]) > 0.5).any(-1)
    assert {CLASSES[i] for i in np.unique(view.labels[wrong])} <= SEE_THROUGH
    np.testing.assert_array_equal(wrong & (view.labelled == view.seen), False)
    assert wrong.mean() < 0.06


def test_every_part_has_a_class_of_its_own_and_every_class_a_part():
    assert {part.label for part in PARTS.values()} == set(CLASSES)


def test_maps_of_parts_are_finer_than_the_classes():
    _, view = look(3)
    np.testing.assert_array_equal(PART_CLASS[view.part_labels], view.labels)
    assert len(np.unique(view.part_labels)) > len(np.unique(view.labels))


def test_painting_leaves_the_view_as_it_was():
    scene, view = look(5)
    before = view.labels.copy()
    for style in ('snow', 'night', 'wild'):
        paint(scene, view, style, 5)
    np.testing.assert_array_equal(view.labels, before)
