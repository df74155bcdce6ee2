"""The outlines of the built-in shapes, as polygons in the unit disc.

Angles are in radians, x to the right, y down. A hole is a second polygon.
"""

import numpy as np


def _turned(radii, start=-np.pi / 2):
    """Makes a closed polygon of radii at equal angles, clockwise from the top."""
    angles = start + np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    return (
        np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.asarray(radii)[:, None]
    )


def _disc(radius=1.0):
    return _turned(np.full(72, radius))


def _cross():
    arm = 0.34
    corner = [(arm, -1), (arm, -arm), (1, -arm)]
    quarter = np.array([[0, -1], [1, 0]])  # (x, y) -> (-y, x)
    points = [np.array(corner) @ np.linalg.matrix_power(quarter.T, n) for n in range(4)]
    return np.concatenate(points)


def _crescent():
    outer = np.linspace(0.30 * np.pi, 1.70 * np.pi, 48)
    # The inner arc leads from tip to tip on a circle farther right.
    centre = 0.55
    tip_x, tip_y = np.cos(outer[0]) - centre, np.sin(outer[0])
    bend = np.arctan2(tip_y, tip_x)
    inner = np.linspace(2 * np.pi - bend, bend, 48)
    radius = np.hypot(tip_x, tip_y)
    x = np.concatenate([np.cos(outer), centre + radius * np.cos(inner)])
    y = np.concatenate([np.sin(outer), radius * np.sin(inner)])
    return np.stack([x + 0.25, y], axis=1)


def _heart():
    t = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([x, -y - 2], axis=1) / 16


def _gear():
    teeth = np.tile([1.0, 1.0, 0.66, 0.66], 8)
    return _turned(teeth)


def _half_disc():
    angles = np.linspace(0, np.pi, 40)
    return np.stack([np.cos(angles), np.sin(angles) - 0.45], axis=1)


_POLYGONS = {
    "arrow": (
        np.array(
            [
                (0, -1),
                (0.8, -0.1),
                (0.3, -0.1),
                (0.3, 1),
                (-0.3, 1),
                (-0.3, -0.1),
                (-0.8, -0.1),
            ]
        ),
    ),
    "bolt": (
        np.array(
            [
                (0.35, -1),
                (-0.65, 0.15),
                (-0.08, 0.15),
                (-0.4, 1),
                (0.65, -0.2),
                (0.08, -0.2),
                (0.62, -1),
            ]
        ),
    ),
    "circle": (_disc(),),
    "crescent": (_crescent(),),
    "cross": (_cross(),),
    "gear": (_gear(), _disc(0.3)),
    "half disc": (_half_disc(),),
    "heart": (_heart(),),
    "ring": (_disc(), _disc(0.55)),
    "square": (_turned([1.0] * 4, start=-np.pi / 4),),
    "star": (_turned([1.0, 0.42] * 5),),
    "triangle": (_turned([1.0] * 3),),
}


def _fitted(polygons):
    """Scales an outline to touch the unit circle, so that it fits when rotated."""
    reach = np.linalg.norm(polygons[0], axis=1).max()
    return tuple(polygon / reach for polygon in polygons)


# Name -> the outline, and a hole where there is one: (points, 2) in the unit disc.
OUTLINES = {name: _fitted(polygons) for name, polygons in _POLYGONS.items()}
