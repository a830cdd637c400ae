"""Where points of a street fall in the picture, and how deep pixels are."""

from random import Random

import numpy as np
import pytest

from rein.datasets.streetscenes.camera import Camera
from rein.datasets.streetscenes.scene import Facing, Scene
from rein.datasets.streetscenes.shapes import patch, side
from rein.datasets.streetscenes.view import draw

SIZE = (200, 100)
STRAIGHT = Camera(height=1.5, horizon=0.4, focal=1.0, centre=0.5, bend=0.0)


def test_a_point_on_the_road_falls_where_similar_triangles_put_it():
    # 2 m right and 10 m ahead: 100 px * 2 / 10 right of the middle; 100 * 1.5 / 10 below row 40.
    pixels = STRAIGHT.project(np.array([[2.0, 0.0, 10.0]], np.float32), SIZE)
    np.testing.assert_allclose(pixels, [[120.0, 55.0]], rtol=1e-6)


def test_a_bend_moves_far_points_with_the_square_of_their_depth():
    bent = Camera(height=1.5, horizon=0.4, focal=1.0, centre=0.5, bend=0.002)
    # At 20 m the road is 0.002 * 400 = 0.8 m further right: 100 px * 0.8 / 20 = 4 px.
    pixels = bent.project(np.array([[0.0, 0.0, 20.0]], np.float32), SIZE)
    assert pixels[0, 0] == pytest.approx(104.0)


def test_points_behind_the_camera_are_drawn_at_the_near_plane():
    pixels = STRAIGHT.project(np.array([[1.0, 0.0, -5.0], [1.0, 0.0, 0.6]], np.float32), SIZE)
    np.testing.assert_array_equal(pixels[0], pixels[1])


@pytest.mark.parametrize('bend', [-0.003, 0.0, 0.003])
@pytest.mark.parametrize('offset', [-6.0, 4.0])
def test_depth_of_a_facade_inverts_the_projection(bend, offset):
    camera = Camera(height=1.5, horizon=0.4, focal=1.0, centre=0.5, bend=bend)
    # Beyond sqrt(offset / bend) the bend turns the facade away from the camera.
    depths = np.linspace(3, 40, 8, dtype=np.float32)
    points = np.stack([np.full(8, offset), np.zeros(8), depths], 1).astype(np.float32)
    across = (camera.project(points, SIZE)[:, 0] - 100) / 100
    found = camera.depth_of_side(across, np.full(8, offset, np.float32))
    visible = np.sign(offset) * bend * depths**2 < abs(offset)
    np.testing.assert_allclose(found[visible], depths[visible], rtol=1e-3)


def test_depth_map_of_road_and_wall_agrees_with_the_geometry():
    scene = Scene(Random(0), STRAIGHT, (0.0, 0.0))
    scene.add('asphalt', Facing.GROUND, 0.0, patch(-50, 50, 0.6, 300))
    scene.add('wall', Facing.SIDE, 5.0, side(5.0, 0.0, 3.0, 6.0, 60.0))
    depth = draw(scene, SIZE).depth
    # Row 69.5 is 29.5 px below the horizon: 100 * 1.5 / 29.5 m. Column 149.5 meets X = 5 at
    # 100 * 5 / 49.5 m, if the row is one of the wall's.
    assert depth[69, 20] == pytest.approx(150 / 29.5, rel=1e-4)
    assert depth[45, 149] == pytest.approx(500 / 49.5, rel=1e-4)
    assert depth[5, 100] == 400
