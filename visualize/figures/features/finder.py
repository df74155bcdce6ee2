"""Finds what Fig. 2 shows: scans the images, chooses channels and projects them."""

from collections.abc import Iterator, Sequence

from tqdm import tqdm

from visualize.deconvnet.deconvnet import Deconvnet
from visualize.figures.features.top_features import (
    LayerFeatures,
    check_channels,
    choose_channels,
    layer_features,
)
from visualize.images.objects import mask_finder
from visualize.strongest.distinct import count_to_scan, one_per_photograph
from visualize.strongest.searched_images import searched_images
from visualize.strongest.top_activations import Strongest, TopActivations
from zfkeras.graph.layer_graph import LayerGraph


def find_features(
    context, settings
) -> tuple[dict, Sequence[str], Iterator[tuple[LayerFeatures, Strongest]]]:
    """Finds the strongest activations and projects them (sec. 4.1 and Fig. 2).

    Returns what a record says of the images, the names of their classes, and each
    layer's (channels that are shown, all activations).
    """
    images = searched_images(context, settings)
    source = images.source
    classifier = context.classifier(settings.model, settings)
    layers = settings.layers or LayerGraph(classifier.model).usual_layers()
    finder = TopActivations(classifier, layers, count_to_scan(source, settings.top))
    deconvnet = Deconvnet(classifier, rules=settings.rules)
    deconvnet.require(layers)
    for name, count in finder.layers:
        check_channels(settings.channels, count, name)
    found = images.scan(finder, context.workdir, settings.batch_size)
    found = {
        layer: one_per_photograph(strongest, settings.top, images)
        for layer, strongest in found.items()
    }
    mask_of = mask_finder(source, classifier.preprocessing)

    def project():
        for layer, strongest in tqdm(found.items(), "project", unit=" layers"):
            channels = choose_channels(strongest, settings.channels, settings.seed)
            yield (
                layer_features(
                    finder, deconvnet, layer, strongest, channels, images.split, mask_of
                ),
                strongest,
            )

    num_images = images.split.num_examples - images.bad_images.count
    classes = source.class_names
    numbers = {
        **images.to_json(),
        "num_images": num_images,
        "images_per_class": num_images / max(len(classes), 1),
    }
    return numbers, classes, project()
