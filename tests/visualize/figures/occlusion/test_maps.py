import numpy as np

from visualize.figures.occlusion.maps import OcclusionMaps


def three_squares(**answers):
    """Squares of 2 x 3 pixels from rows 0, 2 and 3 of an image of 5 x 3."""
    nothing = np.zeros((3, 1))
    return OcclusionMaps(
        tops=np.array([0, 2, 3]),
        lefts=np.array([0]),
        patch_size=(2, 3),
        image_size=(5, 3),
        label=0,
        channel=None,
        probability=1.0,
        predicted=0,
        activation=None,
        **{
            "probabilities": nothing,
            "labels": nothing.astype(int),
            "activations": None,
            **answers,
        },
    )


def test_a_pixel_has_the_mean_of_the_squares_on_it():
    values = np.array([[0.2], [0.4], [1.0]])
    maps = three_squares(probabilities=values, activations=10 * values)
    np.testing.assert_allclose(maps.probability_map[:, 1], [0.2, 0.2, 0.4, 0.7, 1])
    np.testing.assert_allclose(maps.activation_map[:, 0], [2, 2, 4, 7, 10], rtol=1e-6)


def test_a_pixel_has_the_label_of_the_square_whose_middle_is_nearest():
    # The middles are at rows 0.5, 2.5 and 3.5; row 3 lies between two: the upper one.
    maps = three_squares(labels=np.array([[5], [6], [7]]))
    assert maps.label_map[:, 2].tolist() == [5, 5, 6, 6, 7]


def test_without_a_layer_there_is_no_map_of_activations():
    assert three_squares().activation_map is None
