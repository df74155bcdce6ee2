"""A preconditioner: the few directions of feature space in which features vary most.

Features after a ReLU have one direction, their mean, a thousand times stronger than
the rest, and a hundred more that stand out. Conjugate gradients spend their steps on
them. The preconditioner changes the speed of convergence, not the solution.
"""

import numpy as np

#: Number of directions.
RANK = 100
_ROUNDS = 2
# Directions of smaller squared length, relative to the longest, are rounding errors.
_NOISE = 1e-5


class Deflation:
    """The leading directions V of a space, orthonormal in feature space."""

    def __init__(self, space, rank: int = RANK):
        random = np.random.default_rng(0)
        basis = random.standard_normal((space.size, min(rank, space.size)), np.float32)
        for _ in range(_ROUNDS):
            basis = np.linalg.qr(space.pull(space.scores(basis)))[0]
        scores = space.scores(basis)
        # Makes the basis orthonormal and turns it to the axes of the features' spread.
        square, axes = np.linalg.eigh(
            space.products(basis, basis, scores).astype(np.float64)
        )
        kept = square > _NOISE * max(square[-1], np.finfo(np.float32).tiny)
        turn = axes[:, kept] / np.sqrt(square[kept])
        spread = scores @ turn
        strength, axes = np.linalg.eigh(spread.T @ spread)
        turn = (turn @ axes).astype(np.float32)
        self._space = space
        self._basis, self._scores = basis @ turn, scores @ turn
        self._strength = np.maximum(strength, 0).astype(np.float32)[:, None]

    def solve(self, vectors, scores, curvature):
        """Divides `vectors` by 1 + curvature * spread along the directions.

        Shapes: `curvature` (n_columns,).
        """
        bend = curvature * self._strength
        along = self._space.products(self._basis, vectors, scores)
        along = (bend / (1 + bend) * along).astype(vectors.dtype)
        return vectors - self._basis @ along, scores - self._scores @ along
