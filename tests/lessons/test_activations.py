"""What the layers see: every function against a case that was worked out by hand or planted."""

import numpy as np
import pytest

from mnistkit import activations, models, training
from mnistkit.activations import ReceptiveField
from mnistkit.utils.keras_backend import import_keras

keras = import_keras()
layers = keras.layers
RNG = np.random.default_rng(0)


def seeded(net):
    """Draw the weights anew with a fixed seed: the layers took their own seeds when they were made, before."""
    keras.utils.set_random_seed(1)
    net.set_weights(keras.models.clone_model(net).get_weights())
    return net


def network(*inner, shape=(6, 6, 1)):
    return seeded(keras.Sequential([keras.Input(shape), *inner], name="net"))


def small(shape=(9, 8, 2)):
    """Any kind of layer once, on images that are neither square nor grey."""
    return network(
        layers.Conv2D(3, (3, 2), activation="relu", name="conv1"),
        layers.MaxPooling2D(name="pool1"),
        layers.Conv2D(4, 2, padding="same", activation="relu", name="conv2"),
        layers.Flatten(name="flatten"),
        layers.Dense(5, activation="relu", name="dense1"),
        layers.Dropout(0.5, name="dropout1"),
        layers.Dense(3, activation="softmax", name="output"),
        shape=shape,
    )


def branched():
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(2, 3, padding="same", activation="relu", name="near")(inputs)
    y = layers.Conv2D(2, 5, padding="same", activation="relu", name="far")(x)
    z = layers.Add(name="sum")([x, y])
    pooled = layers.GlobalAveragePooling2D(name="pool")(z)
    scores = layers.Dense(3, name="scores")(pooled)
    return seeded(keras.Model(inputs, layers.Softmax(name="softmax")(scores), name="branched"))


@pytest.fixture(scope="module")
def model():
    return small()


@pytest.fixture(scope="module")
def images():
    return RNG.random((7, 9, 8, 2), dtype="float32")


# -- activations ------------------------------------------------------------------------------------------------


def test_activations_are_what_each_layer_computes(model, images):
    found = activations.layer_activations(model, images, batch_size=3)
    assert list(found) == [layer.name for layer in model.layers]
    x = images
    for layer in model.layers:
        x = layer(x, training=False)
        assert found[layer.name].dtype == np.float32
        assert np.allclose(found[layer.name], x, atol=1e-5), layer.name


def test_only_the_layers_asked_for_in_that_order(model, images):
    found = activations.layer_activations(model, images, ["output", "conv1"])
    assert list(found) == ["output", "conv1"]
    assert found["conv1"].shape == (7, 7, 7, 3)


def test_a_model_from_a_file_gives_the_same(model, images, tmp_path):
    """A Sequential model from a file calls its layers more than once: its `output`s do not hang together."""
    model.save(tmp_path / "m.keras")
    loaded = training.load_model(tmp_path / "m.keras")
    classes = np.arange(7) % 3
    for function in (activations.saliency, activations.grad_cam):
        assert np.array_equal(function(loaded, images, classes), function(model, images, classes))
    before, after = (activations.layer_activations(m, images) for m in (model, loaded))
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_nothing_changes_the_model(model, images):
    weights = [w.copy() for w in model.get_weights()]
    classes = np.zeros(7, int)
    activations.layer_activations(model, images)
    activations.maximise_filters(model, "conv2", [0], steps=2)
    activations.grad_cam(model, images, classes)
    activations.redrawn(model, ["conv1", "output"])
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    "call",
    [
        lambda m, x: activations.layer_activations(m, x, ["conv9"]),
        lambda m, x: activations.kernels(m, "conv9"),
        lambda m, x: activations.filter_responses(m, x, "conv9"),
        lambda m, x: activations.receptive_field(m, "conv9"),
        lambda m, x: activations.maximise_filters(m, "conv9", [0]),
        lambda m, x: activations.grad_cam(m, x, np.zeros(7, int), "conv9"),
        lambda m, x: activations.redrawn(m, ["conv9"]),
    ],
)
def test_an_unknown_layer_is_named_with_the_known_ones(model, images, call):
    with pytest.raises(
        ValueError, match=r"'conv9'.*'net'.*conv1, pool1, conv2, flatten, dense1, dropout1, output"
    ):
        call(model, images)


def test_a_layer_of_the_wrong_kind_is_refused(model, images):
    with pytest.raises(ValueError, match=r"'dense1' is no Conv2D but a Dense; the model's are conv1, conv2"):
        activations.kernels(model, "dense1")
    for call in (activations.filter_responses, activations.grad_cam):
        arguments = ("dense1",) if call is activations.filter_responses else (np.zeros(7, int), "dense1")
        with pytest.raises(
            ValueError, match=r"'dense1' has no height and width; that of conv1, pool1, conv2 has"
        ):
            call(model, images, *arguments)
    with pytest.raises(ValueError, match="no Conv2D layer"):
        activations.grad_cam(models.ann(), np.zeros((1, 28, 28, 1)), [0])


@pytest.mark.parametrize("shape", [(9, 8, 2), (1, 9, 8), (1, 8, 9, 2), (0, 9, 8, 2)])
def test_images_that_do_not_fit_are_refused(model, shape):
    with pytest.raises(ValueError, match=r"\(n, 9, 8, 2\)|images is an array of float64, shape \(0, 9"):
        activations.layer_activations(model, np.zeros(shape))


@pytest.mark.parametrize("classes", [[0, 3], [-1, 0], [0], [0.0, 1.0], [[0, 1]]])
@pytest.mark.parametrize("function", ["saliency", "grad_cam", "occlusion"])
def test_classes_that_do_not_fit_are_refused(model, images, function, classes):
    with pytest.raises((ValueError, TypeError), match=r"class"):
        getattr(activations, function)(model, images[:2], classes)


def test_a_model_without_an_input_is_refused():
    with pytest.raises(ValueError, match=r"no input.*keras\.Input"):
        activations.layer_activations(keras.Sequential([layers.Dense(2)]), np.zeros((1, 4, 4, 1)))


# -- filters ----------------------------------------------------------------------------------------------------


def test_kernels_are_one_image_a_filter(model):
    found = activations.kernels(model, "conv1")
    assert found.shape == (3, 3, 2, 2)
    assert np.array_equal(found[1, 2, 0, 1], model.get_layer("conv1").kernel.numpy()[2, 0, 1, 1])


def planted_filters(*filters, bias=None, size=6):
    """Make a network whose one convolution has these filters (height × width each)."""
    convolution = layers.Conv2D(len(filters), np.shape(filters[0]), activation="relu", name="conv")
    net = network(convolution, layers.Flatten(), layers.Dense(2, activation="softmax"), shape=(size, size, 1))
    kernel = np.stack(filters, axis=-1)[:, :, np.newaxis, :]
    convolution.set_weights([kernel, np.zeros(len(filters)) if bias is None else np.array(bias)])
    return net


def test_responses_have_mean_peak_and_place_of_each_map():
    net = planted_filters([[1.0, 0.0]], [[0.0, -1.0]])
    x = np.zeros((3, 6, 6, 1), "float32")
    x[0, 2, 3], x[0, 4, 1], x[1, 5, 0] = 0.9, 0.6, 0.4
    found = activations.filter_responses(net, x, "conv", batch_size=2)
    assert np.allclose(found.peak, [[0.9, 0], [0.4, 0], [0, 0]])
    assert np.allclose(found.mean[:, 0], [1.5 / 30, 0.4 / 30, 0])
    assert found.place[:, 0].tolist() == [[2, 3], [5, 0], [0, 0]]


def test_planted_dead_filters_are_found_and_no_other():
    net = planted_filters([[1.0]], [[1.0]], [[-1.0]], [[0.0]], bias=[0, -1.0, 0, 1e-6])
    x = RNG.random((5, 6, 6, 1), dtype="float32")
    assert activations.dead_filters(activations.filter_responses(net, x, "conv")).tolist() == [1, 2]
    x[4, 0, 0] = 1.5  # one pixel of one image wakes filter 1
    assert activations.dead_filters(activations.filter_responses(net, x, "conv")).tolist() == [2]


def test_means_by_class():
    values = np.array([[1.0, 10], [3, 30], [5, 70]])
    found = activations.mean_by_class(values, np.array([1, 0, 1]), 2)
    assert found.tolist() == [[3, 3], [30, 40]]
    with pytest.raises(ValueError, match=r"no image of class \[2\]"):
        activations.mean_by_class(values, np.array([1, 0, 1]), 3)


def test_receptive_fields_of_the_reports_cnn():
    """Worked out by hand: 3; pooling adds 1 and doubles the stride; 3 more pixels, 2 apart, make 8; then 10."""
    cnn = models.cnn()
    known = {"conv1": (3, 1), "pool1": (4, 2), "conv2": (8, 2), "pool2": (10, 4)}
    for layer, (size, stride) in known.items():
        field = activations.receptive_field(cnn, layer)
        assert field == ReceptiveField((size, size), (stride, stride), (0, 0)), layer


FIELDS = {
    "plain": lambda: network(layers.Conv2D(2, (3, 2), strides=(2, 1), name="last"), shape=(9, 8, 1)),
    "same": lambda: network(
        layers.Conv2D(2, 4, strides=2, padding="same"),
        layers.Conv2D(2, 3, padding="same", name="last"),
        shape=(9, 8, 1),
    ),
    "dilated": lambda: network(
        layers.Conv2D(2, 3, dilation_rate=2), layers.Conv2D(2, 2, name="last"), shape=(9, 8, 1)
    ),
    "pooled": lambda: network(
        layers.AveragePooling2D((1, 2)),
        layers.BatchNormalization(),
        layers.Conv2D(2, 2, name="last"),
        shape=(9, 8, 1),
    ),
}


@pytest.mark.parametrize("case", FIELDS)
def test_a_place_sees_its_field_and_nothing_else(case):
    """Change each pixel in turn: the place's value must change exactly for the pixels of the field."""
    net = FIELDS[case]()
    field = activations.receptive_field(net, "last")
    image = RNG.random((9, 8, 1), dtype="float32")
    changed = np.repeat(image[np.newaxis], 73, axis=0)
    changed[np.arange(72), *np.divmod(np.arange(72), 8)] += 5
    maps = activations.layer_activations(net, changed, ["last"])["last"]
    for place in [(0, 0), (1, 1), (maps.shape[1] - 1, maps.shape[2] - 1)]:
        seen = (np.abs(maps[:72, *place] - maps[72, *place]) > 1e-6).any(axis=-1).reshape(9, 8)
        expected = np.zeros((9, 8), bool)
        (top, left), (height, width) = field.corner(place), field.size
        expected[max(top, 0) : top + height, max(left, 0) : left + width] = True
        assert np.array_equal(seen, expected), place


def test_where_branches_meet_a_place_sees_what_any_branch_sees():
    assert activations.receptive_field(branched(), "sum") == ReceptiveField((7, 7), (1, 1), (-3, -3))
    inputs = keras.Input((8, 8, 1))
    uneven = layers.Add(name="sum")(
        [layers.Conv2D(1, 1)(inputs), layers.Conv2D(1, 2)(layers.ZeroPadding2D(((0, 1), (0, 1)))(inputs))]
    )
    with pytest.raises(ValueError, match="moves pixels in a way not known here"):
        activations.receptive_field(keras.Model(inputs, uneven), "sum")
    halves = [layers.Conv2D(1, 2, strides=2)(inputs), layers.Conv2D(1, 5)(inputs)]
    joined = keras.Model(inputs, layers.Concatenate(name="sum")(halves))
    with pytest.raises(ValueError, match=r"different strides meet in 'sum'"):
        activations.receptive_field(joined, "sum")


@pytest.mark.parametrize(
    "mover",
    [
        lambda: layers.Conv2DTranspose(1, 2, strides=2, name="mover"),
        lambda: layers.UpSampling2D(name="mover"),
    ],
)
def test_layers_that_move_pixels_unknown_ways_are_refused(mover):
    with pytest.raises(ValueError, match=r"'mover' moves pixels"):
        activations.receptive_field(network(mover(), layers.Conv2D(1, 1, name="last")), "last")


def test_a_cut_is_filled_with_0_beyond_the_border():
    image = np.arange(1, 17).reshape(4, 4, 1)
    field = ReceptiveField((3, 3), (2, 2), (-1, -1))
    assert field.cut(image, (0, 0))[..., 0].tolist() == [[0, 0, 0], [0, 1, 2], [0, 5, 6]]
    assert field.cut(image, (1, 1))[..., 0].tolist() == [[6, 7, 8], [10, 11, 12], [14, 15, 16]]
    assert field.cut(image, (2, 1))[..., 0].tolist() == [[14, 15, 16], [0, 0, 0], [0, 0, 0]]
    assert not field.cut(image, (9, 9)).any()


def test_a_map_is_drawn_where_it_was_seen():
    field = ReceptiveField((3, 5), (2, 1), (1, 0))  # centres: rows 2 and 4, columns 2, 3, 4
    maps = np.array([[[0.0, 1, 2], [4, 5, 6]]])
    drawn = field.spread(maps, (8, 7))
    assert drawn.shape == (1, 8, 7)
    assert drawn[0, 2, 2:5].tolist() == [0, 1, 2]
    assert drawn[0, 4, 2:5].tolist() == [4, 5, 6]
    assert drawn[0, 3, 3] == 3, "between two centres"
    assert drawn[0, 0, 0] == 0, "beyond the outermost centre its value goes on"
    assert drawn[0, 7, 6] == 6


def test_the_strongest_images_come_with_what_the_filter_saw():
    net = planted_filters([[1.0, 1.0], [-1.0, -1.0]])
    x = np.zeros((4, 6, 6, 1), "float32")
    for image, (row, column, value) in enumerate([(0, 0, 0.3), (3, 2, 0.9), (4, 4, 0.5), (0, 0, 0.0)]):
        x[image, row, column : column + 2] = value
    responses = activations.filter_responses(net, x, "conv")
    field = activations.receptive_field(net, "conv")
    found = activations.strongest_patches(x, responses, field, 0, 3)
    assert found.image.tolist() == [1, 2, 0]
    assert np.allclose(found.value, [1.8, 1.0, 0.6])
    assert found.corner.tolist() == [[3, 2], [4, 4], [0, 0]]
    assert np.allclose(found.patch[0, ..., 0], [[0.9, 0.9], [0, 0]])
    with pytest.raises(ValueError, match=r"filters 0 to 0, not 1"):
        activations.strongest_patches(x, responses, field, 1, 3)
    with pytest.raises(ValueError, match=r"3 images, but responses to 4"):
        activations.strongest_patches(x[:3], responses, field, 0, 3)


@pytest.mark.slow
def test_maximising_a_planted_filter_finds_its_best_input():
    """A filter as large as the image: the best image is 1 where its weight is positive, 0 elsewhere."""
    weights = RNG.normal(size=(6, 6))
    net = planted_filters(weights, -weights)
    made = activations.maximise_filters(net, "conv", [0, 1])
    assert made.shape == (2, 6, 6, 1)
    assert made.min() >= 0
    assert made.max() <= 1
    for image, sign in zip(made[..., 0], (1, -1), strict=True):
        best = np.maximum(sign * weights, 0).sum()
        assert (sign * weights * image).sum() > 0.95 * best
        assert np.corrcoef(image.ravel(), (sign * weights > 0).ravel())[0, 1] > 0.9


@pytest.mark.slow
def test_maximising_wakes_a_filter_that_is_silent_on_even_images_and_repeats():
    net = planted_filters([[2.0, -1.0]], bias=[-1.2])  # wants a bright pixel beside a dark one
    first, again = (activations.maximise_filters(net, "conv", [0], seed=1) for _ in range(2))
    assert activations.filter_responses(net, first, "conv").mean[0, 0] > 0.1
    assert np.array_equal(first, again)
    start = activations.maximise_filters(net, "conv", [0], seed=1, steps=0)
    assert activations.filter_responses(net, start, "conv").peak.max() == 0, "the noise alone must be silent"
    assert not np.array_equal(start, activations.maximise_filters(net, "conv", [0], seed=2, steps=0))


def test_the_best_of_several_ascents_is_kept(monkeypatch):
    """On bright ground this filter is far from silent, on dark ground the ascent starts far below."""
    net = planted_filters(np.ones((2, 2)), -np.ones((2, 2)), bias=[-2.0, 1.0])
    makes = {}
    for grounds in [(0.1,), (0.9,), (0.1, 0.9)]:
        monkeypatch.setattr(activations, "_GROUNDS", grounds)
        made = activations.maximise_filters(net, "conv", [0, 1], steps=1)
        makes[grounds] = np.diag(activations.filter_responses(net, made, "conv").mean)
    assert makes[0.9,][0] > makes[0.1,][0]
    assert makes[0.1,][1] > makes[0.9,][1]
    assert np.allclose(makes[0.1, 0.9], [makes[0.9,][0], makes[0.1,][1]], atol=0.1)


def test_maximising_a_filter_that_is_not_there():
    with pytest.raises(ValueError, match=r"filters 0 to 0, not \[1\]"):
        activations.maximise_filters(planted_filters([[1.0]]), "conv", [0, 1])


# -- which pixels decide ----------------------------------------------------------------------------------------


def test_saliency_of_a_linear_network_is_its_weights():
    net = network(layers.Flatten(), layers.Dense(3, activation="softmax", name="output"), shape=(4, 5, 2))
    weights = net.get_layer("output").get_weights()[0].reshape(4, 5, 2, 3)
    found = activations.saliency(net, 9 * RNG.random((2, 4, 5, 2)), [2, 0])
    assert np.allclose(found, [np.abs(weights[..., c]).max(axis=-1) for c in (2, 0)], atol=1e-6)


def seen_by_two_filters():
    """Filter 0 copies the image, filter 1 negates it; class 0 likes filter 0 (×2), class 1 filter 1 (×1)."""
    net = network(
        layers.Conv2D(2, 1, name="conv"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(2, activation="softmax", name="output"),
    )
    net.get_layer("conv").set_weights([np.array([[[[1.0, -1.0]]]]), np.zeros(2)])
    net.get_layer("output").set_weights([np.array([[2.0, 0], [0, 1]]), np.zeros(2)])
    return net


def test_grad_cam_is_the_weighted_sum_of_the_maps_without_its_negative_part():
    x = RNG.normal(size=(2, 6, 6, 1)).astype("float32")
    found = activations.grad_cam(seen_by_two_filters(), x, [0, 1])
    # The gradient of a mean of 36 values is 1/36 each; class 1 sees the negated image.
    assert np.allclose(found[0], np.maximum(2 / 36 * x[0, ..., 0], 0), atol=1e-6)
    assert np.allclose(found[1], np.maximum(-1 / 36 * x[1, ..., 0], 0), atol=1e-6)


def test_grad_cam_uses_the_score_before_the_softmax():
    """With a probability of 1 to the last digit, the gradient of the probability would be 0."""
    net = seen_by_two_filters()
    net.get_layer("output").set_weights([np.array([[2.0, 0], [0, 1]]), np.array([100.0, 0])])
    x = RNG.random((1, 6, 6, 1), dtype="float32")
    assert net(x)[0, 0] == 1
    assert np.allclose(activations.grad_cam(net, x, [0])[0], 2 / 36 * x[0, ..., 0], atol=1e-6)
    assert activations.saliency(net, x, [0]).min() > 0


def test_a_softmax_layer_of_its_own_frozen_weights_and_branches_make_no_difference():
    net = branched()
    x = RNG.random((3, 8, 8, 1), dtype="float32")
    maps = activations.grad_cam(net, x, [0, 1, 2], "sum")
    assert maps.shape == (3, 8, 8)
    net.trainable = False
    assert np.array_equal(activations.grad_cam(net, x, [0, 1, 2], "sum"), maps)
    weights = net.get_layer("scores").get_weights()[0]
    values = activations.layer_activations(net, x, ["sum"])["sum"]
    by_hand = np.einsum("nhwk,kn->nhw", values, weights) / 64
    assert np.allclose(maps, np.maximum(by_hand, 0), atol=1e-6)


@pytest.mark.slow
def test_the_last_convolution_is_the_default(model, images):
    classes = np.ones(7, int)
    default = activations.grad_cam(model, images, classes)
    assert default.any()
    assert np.array_equal(default, activations.grad_cam(model, images, classes, "conv2"))
    assert not np.array_equal(default, activations.grad_cam(model, images, classes, "conv1"))


def test_a_network_that_ends_in_no_scores_is_refused(images):
    with pytest.raises(ValueError, match=r"'pool', is a GlobalAveragePooling2D"):
        net = network(layers.Conv2D(3, 2), layers.GlobalAveragePooling2D(name="pool"), shape=(9, 8, 2))
        activations.saliency(net, images, np.zeros(7, int))


@pytest.mark.slow
def test_occlusion_is_the_fall_of_the_probability_at_every_place(model, images):
    found = activations.occlusion(model, images[:2], [0, 2], patch=3, fill=0.7, batch_size=11)
    assert found.shape == (2, 9, 8)
    for image, label, (row, column) in [(0, 0, (4, 4)), (0, 0, (0, 0)), (1, 2, (8, 7)), (1, 2, (3, 0))]:
        covered = images[image].copy()
        covered[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = 0.7
        before, after = model(np.stack([images[image], covered])).numpy()[:, label]
        assert found[image, row, column] == pytest.approx(before - after, abs=1e-6)


def test_occlusion_in_parts_is_the_same(model, images, monkeypatch):
    whole = activations.occlusion(model, images[:1], [1])
    monkeypatch.setattr(activations, "_PLACES_AT_ONCE", 10)
    assert np.allclose(activations.occlusion(model, images[:1], [1]), whole, atol=1e-6)


@pytest.mark.parametrize("patch", [0, 4, -3])
def test_a_square_without_a_middle_is_refused(model, images, patch):
    with pytest.raises(ValueError, match=f"patch is {patch}"):
        activations.occlusion(model, images, np.zeros(7, int), patch=patch)


# -- the case where the answer is known -------------------------------------------------------------------------


def test_planted_patches_are_where_the_masks_say_and_alone_decide_the_class():
    backgrounds = RNG.integers(0, 256, (40, 20, 24)).astype("uint8")
    planted = activations.planted_patches(backgrounds, seed=3)
    assert planted.images.shape == (40, 20, 24, 1)
    assert planted.images.dtype == np.float32
    assert np.bincount(planted.classes).tolist() == [10, 10, 10, 10]
    assert (planted.masks.sum(axis=(1, 2)) == 64).all()
    outside = ~planted.masks
    assert np.allclose(
        planted.images[..., 0][outside], backgrounds[outside] / backgrounds.max() / 2, atol=1e-6
    )
    patches = planted.images[..., 0][planted.masks].reshape(40, 8, 8)
    assert (patches.mean(axis=(1, 2)) == 0.5).all(), "brightness must not tell the class"
    for label, steps in enumerate([(1, 0), (0, 1), (1, -1), (1, 1)]):
        own = patches[planted.classes == label]
        assert (own == own[0]).all()
        assert np.array_equal(np.roll(own[0], steps, (0, 1)), own[0]) is (label > 1), "diagonals repeat along"
    assert (patches[planted.classes == 0].std(axis=2) == 0).all(), "stripes across: a row has one value"
    assert (patches[planted.classes == 1].std(axis=1) == 0).all(), "stripes down: a column has one value"
    again = activations.planted_patches(backgrounds, seed=3)
    assert np.array_equal(planted.images, again.images)
    assert len({mask.tobytes() for mask in planted.masks}) > 20, "the place must vary"


@pytest.mark.parametrize("size", [0, 6, 12])
def test_patches_that_do_not_fit_are_refused(size):
    with pytest.raises(ValueError, match=rf"size is {size}"):
        activations.planted_patches(np.zeros((2, 10, 30)), size=size)


def test_localisation_counts_the_positive_part_inside():
    masks = np.zeros((4, 2, 5), bool)
    masks[:, 0, 0] = masks[:, 0, 1] = True
    maps = np.zeros((4, 2, 5))
    maps[0, 0, 0], maps[0, 1, 1], maps[0, 1, 2] = 3, 1, -7
    maps[1] = 1
    maps[2] = -1
    maps[3, 1, 4], maps[3, 0, 1] = 3, 1
    found = activations.localisation(maps, masks)
    assert found["mass"].tolist() == [0.75, 0.2, 0, 0.25]
    assert found["area"].tolist() == [0.2] * 4
    assert found["hit"].tolist() == [True, True, False, False]


@pytest.fixture(scope="module")
def spotter():
    """Train a small network, in seconds, on noise with planted patches."""
    noise = np.random.default_rng(5).random((900, 24, 24))
    learnt = activations.planted_patches(noise[:800], seed=1)
    fitted = training.fit(
        lambda: network(
            layers.Conv2D(8, 3, activation="relu"),
            layers.Conv2D(16, 3, activation="relu", name="conv2"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(4, activation="softmax"),
            shape=(24, 24, 1),
        ),
        learnt.images,
        learnt.classes,
        epochs=4,
        optimizer=lambda steps: training.one_cycle(steps, peak=1e-2),
    )
    return fitted.model, activations.planted_patches(noise[800:], seed=2)


@pytest.mark.slow
def test_grad_cam_and_occlusion_point_at_the_planted_patch(spotter):
    model, planted = spotter
    assert (model(planted.images).numpy().argmax(axis=1) == planted.classes).mean() > 0.95
    some = slice(0, 24)
    x, y, masks = planted.images[some], planted.classes[some], planted.masks[some]
    maps = {
        "cam": activations.grad_cam(model, x, y),
        "occlusion": activations.occlusion(model, x, y, fill=0.25),
    }
    for name, drawn in maps.items():
        found = activations.localisation(drawn, masks)
        assert found["hit"].mean() > 0.85, f"{name} {found['hit'].mean()}"
        assert found["mass"].mean() > 3 * found["area"].mean(), f"{name} {found['mass'].mean()}"
    wrong = activations.localisation(maps["cam"], np.roll(masks, 12, axis=(1, 2)))
    assert wrong["hit"].mean() < 0.2, "a mask elsewhere must not be hit"


def test_maps_change_when_the_weights_are_drawn_anew(spotter):
    model, planted = spotter
    x, y = planted.images[:20], planted.classes[:20]
    learnt = activations.localisation(activations.grad_cam(model, x, y), planted.masks[:20])
    forgotten = activations.redrawn(model, ["conv2"], seed=1)
    after = activations.localisation(activations.grad_cam(forgotten, x, y), planted.masks[:20])
    assert after["mass"].mean() < 0.8 * learnt["mass"].mean()


def test_redrawing_changes_the_layers_asked_for_and_no_other(model):
    fresh = activations.redrawn(model, ["conv2", "output"], seed=3)
    changed = {
        old.name
        for old, new in zip(model.layers, fresh.layers, strict=True)
        for a, b in zip(old.get_weights(), new.get_weights(), strict=True)
        if not np.array_equal(a, b)
    }
    assert changed == {"conv2", "output"}
    again, other = (activations.redrawn(model, ["conv2"], seed=seed) for seed in (3, 4))
    kernel = fresh.get_layer("conv2").get_weights()[0]
    assert np.array_equal(kernel, again.get_layer("conv2").get_weights()[0])
    assert not np.array_equal(kernel, other.get_layer("conv2").get_weights()[0])


def test_redrawn_weights_are_not_those_that_a_model_of_the_same_seed_began_with():
    keras.utils.set_random_seed(5)
    begun = models.cnn()
    fresh = activations.redrawn(begun, [layer.name for layer in begun.layers], seed=5)
    for old, new in zip(begun.get_weights(), fresh.get_weights(), strict=True):
        assert old.ndim == 1 or abs(np.corrcoef(old.ravel(), new.ravel())[0, 1]) < 0.3  # 1: biases, all 0


def test_covering_the_strongest_place_is_what_occlusion_measured(model):
    x = RNG.random((3, 9, 8, 2), dtype="float32")
    before = x.copy()
    falls = activations.occlusion(model, x, [0, 1, 2], patch=3)
    covered, corners = activations.cover_strongest(x, falls, patch=3)
    chosen = np.arange(3)
    fall = (model(x).numpy() - model(covered).numpy())[chosen, chosen]
    assert np.allclose(fall, falls.max(axis=(1, 2)), atol=1e-6)
    assert np.array_equal(x, before), "the images must stay as they are"
    for image, (row, column) in zip(covered, corners, strict=True):
        assert (image[max(row, 0) : row + 3, max(column, 0) : column + 3] == 0).all()
    with pytest.raises(ValueError, match="odd"):
        activations.cover_strongest(x, falls, patch=4)


def test_exactly_the_mixed_up_maps_lie_beside_their_label_whoever_the_student_is():
    backgrounds = np.zeros((20, 28, 28))
    chosen = set()
    for seed in range(300):
        planted = activations.planted_patches(backgrounds, seed=seed + 2)
        maps = activations.mixed_up_maps(planted, seed=seed + 3)
        found = activations.localisation(maps, planted.masks)
        assert (~found["hit"]).sum() == 3
        assert ((found["mass"] < 0.25) == ~found["hit"]).all()
        chosen.add(tuple(np.flatnonzero(~found["hit"])))
    assert len(chosen) > 120, "neighbours have different ones"


def test_maps_can_only_be_mixed_up_where_labels_lie_apart():
    planted = activations.planted_patches(np.zeros((4, 8, 8)), size=8)
    with pytest.raises(ValueError, match="apart"):
        activations.mixed_up_maps(planted)


# -- probes -----------------------------------------------------------------------------------------------------


def test_probes_find_a_class_where_a_layer_shows_it():
    """The class is whether two halves of the image are alike: pixels don't show it linearly, their difference does."""
    rng = np.random.default_rng(1)
    left, y = rng.choice([-1.0, 1.0], (600, 1, 1, 1)), rng.integers(0, 2, 600)
    right = np.where(y[:, None, None, None] == 1, left, -left)
    x = np.concatenate([left, right], axis=2) + rng.normal(0, 0.1, (600, 1, 2, 1))
    net = network(
        layers.Conv2D(2, (1, 2), activation="relu", name="conv"),
        layers.GlobalMaxPooling2D(name="pool"),
        layers.Dense(2, activation="softmax", name="output"),
        shape=(1, 2, 1),
    )
    net.get_layer("conv").set_weights([np.array([[[[1.0, -1.0]], [[-1.0, 1.0]]]]), np.zeros(2)])
    table = activations.linear_probes(net, ["conv", "pool"], (x[:400], y[:400]), (x[400:], y[400:]))
    assert table.index.tolist() == ["pixels", "conv", "pool"]
    assert table.loc["pixels", "test_accuracy"] < 0.65
    assert table.loc["conv", "test_accuracy"] > 0.98
    assert table["numbers"].tolist() == [2, 2, 2]
    assert (table["seconds"] > 0).all()


@pytest.mark.slow
def test_probes_are_fitted_to_the_training_part_alone(model):
    x = RNG.random((80, 9, 8, 2), dtype="float32")
    y = RNG.integers(0, 3, 80)  # nothing to learn: what looks like skill is memory
    part, rest = (x[:40], y[:40]), (x[40:], y[40:])
    table = activations.linear_probes(model, ["conv1"], part, rest, max_features=64)
    assert (table["train_accuracy"] > 0.95).all()
    assert (table["test_accuracy"] < 0.65).all()
    assert table["kept"].tolist() == [39, 39], "no more components than 40 images span"
    few = activations.linear_probes(model, ["conv1"], part, rest, max_features=3)
    assert few["kept"].tolist() == [3, 3]
    assert few["numbers"].tolist() == [144, 147]
    assert (few["train_accuracy"] < table["train_accuracy"]).all(), "the reduction must be used"


@pytest.mark.slow
def test_probes_reduce_both_parts_in_the_same_way():
    """The same images on both sides must get the same accuracy, also where rough components are kept."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(300, 8, 16, 1)).astype("float32"), rng.integers(0, 4, 300)
    before = x.copy()
    table = activations.linear_probes(small((8, 16, 1)), ["conv1"], (x, y), (x, y))
    assert table["train_accuracy"].tolist() == table["test_accuracy"].tolist()
    assert table["train_accuracy"].max() < 0.9, "with all right, the comparison would say nothing"
    assert np.array_equal(x, before), "the images must stay as they are"
