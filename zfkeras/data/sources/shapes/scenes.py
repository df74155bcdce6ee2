"""Draws one scene of the built-in shapes: a textured shape on a cluttered ground.

A scene is decided by a random generator in the same order at every size, in coordinates
from 0 to 1, so that a larger picture shows the same scene.
"""

import numpy as np
from PIL import Image, ImageDraw

# Drawn this many times larger, then averaged, for smooth edges.
OVERSAMPLING = 4


def outline_mask(polygons, centre, radius, angle, size) -> np.ndarray:
    """Computes how much of each pixel an outline covers: float32 (size, size), 0-1."""
    side = size * OVERSAMPLING
    picture = Image.new("L", (side, side))
    draw = ImageDraw.Draw(picture)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    for polygon, fill in zip(polygons, (255, 0), strict=False):
        points = (polygon @ turn * radius + centre) * side
        draw.polygon(points.ravel().tolist(), fill=fill)
    return np.asarray(picture.reduce(OVERSAMPLING), np.float32) / 255


def texture(random: np.random.Generator, colour: np.ndarray, size: int) -> np.ndarray:
    """Makes a random texture around a colour (3,): float32 (size, size, 3)."""
    kind = random.integers(5)
    contrast = random.uniform(25, 60) * _direction(random)
    angle, phase = random.uniform(0, 2 * np.pi, 2)
    frequency = random.uniform(4, 11)
    coarse = random.uniform(-1, 1, (8, 8)).astype(np.float32)
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size
    along = axis * np.cos(angle) + axis[:, None] * np.sin(angle)
    across = axis[:, None] * np.cos(angle) - axis * np.sin(angle)
    turns, turns_across = (2 * np.pi * frequency * part for part in (along, across))
    if kind == 0:  # stripes
        pattern = np.tanh(3 * np.sin(turns + phase))
    elif kind == 1:  # checks
        pattern = np.tanh(4 * np.sin(turns + phase) * np.sin(turns_across))
    elif kind == 2:  # dots
        pattern = np.tanh(4 * (np.sin(turns + phase) * np.sin(turns_across) - 0.4))
    elif kind == 3:  # a gradient
        pattern = 2 * (along - along.mean())
    else:  # soft blotches
        pattern = _enlarged(coarse, size)
    return colour + pattern[:, :, None] * contrast.astype(np.float32)


def cluttered(
    random: np.random.Generator, ground: np.ndarray, colour: np.ndarray
) -> np.ndarray:
    """Draws lines and ragged blobs on a ground: float32 (size, size, 3), 0-255."""
    side = ground.shape[0] * 2
    picture = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))
    picture = picture.resize((side, side), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(picture)
    for _ in range(random.integers(8, 15)):
        fill = np.clip(colour + random.normal(0, 45, 3), 0, 255).astype(int)
        x, y = random.uniform(0, 1, 2)
        radii = random.uniform(0.01, 0.075, 9)
        angles = np.sort(random.uniform(0, 2 * np.pi, 9))
        reach = random.uniform(-0.3, 0.3, 2)
        width = random.uniform(0.01, 0.035)
        if random.uniform() < 0.5:
            line = (np.array([x, y, x + reach[0], y + reach[1]]) * side).tolist()
            draw.line(line, fill=tuple(fill), width=max(1, round(width * side)))
        else:
            blob = np.stack([x + radii * np.cos(angles), y + radii * np.sin(angles)], 1)
            draw.polygon((blob * side).ravel().tolist(), fill=tuple(fill))
    return np.asarray(picture.reduce(2), np.float32)


def lighting(random: np.random.Generator, size: int) -> np.ndarray:
    """Makes a gradient of brightness, about 0.75-1.2: float32 (size, size, 1)."""
    angle, strength = random.uniform(0, 2 * np.pi), random.uniform(0, 0.35)
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    slope = axis * np.cos(angle) + axis[:, None] * np.sin(angle)
    return (1 + strength * slope)[:, :, None].astype(np.float32)


def two_colours(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws two mean colours far enough apart to tell an object from its ground."""
    middle = random.uniform(70, 185, 3)
    apart = random.uniform(45, 70) * _direction(random)
    return middle - apart, middle + apart


def _direction(random):
    vector = random.normal(0, 1, 3)
    return vector / np.linalg.norm(vector) * np.sqrt(3)


def _enlarged(coarse, size):
    picture = Image.fromarray(coarse)
    return np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC))
