import keras

from zfkeras.graph.stages import stages


def convolution(channels, name, strides=1):
    return keras.layers.Conv2D(channels, 3, strides, "same", name=name)


def names(model):
    return [[name for name, _ in stage] for stage in stages(model)]


def test_a_stage_holds_what_is_behind_its_first_convolution():
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Rescaling(2),
            keras.layers.ZeroPadding2D(name="pad"),
            convolution(4, "a1"),
            convolution(4, "a2"),
            keras.layers.MaxPooling2D(name="a3"),
            convolution(6, "b1"),
            keras.layers.BatchNormalization(name="b2"),
            keras.layers.GlobalAveragePooling2D(name="mean"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(5, name="hidden"),
            keras.layers.ReLU(name="relu"),
            keras.layers.Dense(3, name="answer"),
        ]
    )
    assert names(model) == [
        ["a1", "a2", "a3"],
        ["b1", "b2"],
        ["mean"],
        ["hidden", "relu"],
        ["answer"],
    ]
    assert stages(model)[0][-1] == ("a3", (None, 17, 17, 4))


def test_what_something_goes_past_is_no_end():
    image = keras.Input((32, 32, 3))
    stem = convolution(4, "stem")(image)
    side = convolution(4, "side", 2)(stem)
    main = convolution(4, "main2", 1)(convolution(4, "main1", 2)(stem))
    maps = keras.layers.ReLU(name="out")(keras.layers.Add(name="sum")([side, main]))
    model = keras.Model(image, maps)
    assert names(model) == [["stem"], ["sum", "out"]]


def test_nested_models_are_taken_apart_and_what_is_called_twice_is_left_out():
    inner = keras.Sequential([keras.Input((16, 16, 3)), convolution(3, "x")], name="in")
    twice = convolution(3, "twice")
    image = keras.Input((16, 16, 3))
    model = keras.Model(image, convolution(2, "last", 2)(twice(twice(inner(image)))))
    assert names(model) == [["in.x"], ["last"]]


def test_what_is_no_graph_has_no_stages():
    class Subclassed(keras.Model):
        pass

    assert stages(Subclassed()) == []
