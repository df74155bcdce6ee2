"""A head of one's own: the nearest training image, from scikit-learn."""

from sklearn.neighbors import KNeighborsClassifier

from transfer import register_head

register_head("nearest", lambda seed: KNeighborsClassifier(1))
