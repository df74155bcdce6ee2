"""Adds a head that answers with the class of the nearest training image."""

from sklearn.neighbors import KNeighborsClassifier

from transfer import register_head

register_head("nearest", lambda seed: KNeighborsClassifier(1))
