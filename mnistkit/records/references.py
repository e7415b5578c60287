"""The figures of the source reports R0 to R4, each once, under the name of the record that reproduces it.

Every report's figure is one draw: one run, one seed. So is a lesson's. How far apart two draws may lie and
still count as the same is a reference's *tolerance*; where it comes from stands at the constants below.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """One figure of a source report.

    Attributes
    ----------
    report : str
        Which report: ``R3``; ``Kaggle`` for what Kaggle asks for.
    what : str
        The figure in words: model, data and size.
    value : float
        The figure.
    tolerance : float
        How far one run may lie from it and still count as the same, in the figure's own unit.
    better : str
        ``higher`` or ``lower``: what is better than the report's figure has reached it too. ``equal``: only
        the same figure has.
    lesson : str
        Number of the lesson that reproduces it: ``03``.
    any_data : bool
        True for what a network has before it sees any data, such as its parameters: found on a stand-in it
        counts too.
    """

    report: str
    what: str
    value: float
    tolerance: float
    better: str
    lesson: str
    any_data: bool = False


_EXACT = 0.0
"""Counts: parameters, images, rows. Nothing in them is random."""
_ROUNDED = 0.00005
"""KNN: nothing in it is random either, but the report gives four decimals."""
_SEEDS = 0.01
"""Accuracy of a network. Lesson 03 with report R0's sizes and epochs: three seeds of the CNN lay 0.7 points
apart; the plain Keras way, run once, ended 0.3 points below the report."""
_ANN_SEEDS = 0.02
"""R0's ANN moves twice as much: three seeds lay 1.4 points apart; the plain way ended 1 point below."""
_READ = 0.015
"""Accuracies that are hard to read in the report (≈): half a point more than for a seed alone."""
_LOSS = 0.04
"""Cross-entropy on test images, in nats: four seeds of R1's default network, trained on 12,000 images, lay
0.05 apart at a mean of 0.27. On all images the losses are a quarter smaller."""
_DIGITS_TEST_PART = 0.004
"""Accuracy near 0.993 on R4's 2,000 images: two standard errors of the share, so 8 images."""
_DIGITS = 0.002
"""Accuracy near 0.993 on 13,000 images or more: two standard errors are 0.0015, and seeds add to them."""
_HIDDEN_DIGITS = 0.001
"""Accuracy near 0.994 on Kaggle's 28,000 images: two standard errors of the share."""
_MIXTURE = 0.05
"""Purity of t-SNE + GMM: on one layout of 4,800 images, 20 starts of the mixture lay between 0.82 and 0.91.
The report gives one start, so it may stand anywhere in such a range."""

_KNN = 0.8541
_KNN_WHAT = "KNN with 3 neighbours on all 60,000 raw Fashion-MNIST images: test accuracy"
_R0 = "48,000 Fashion-MNIST images, 20 epochs"
_R1 = "the 60,000 images of the Twist, 15 epochs"
_VGG16 = "VGG16 (ImageNet, frozen) on 4,800 MNIST images of 224 × 224, 10 epochs"
_GMM = "t-SNE to 3 dimensions + 10 Gaussians, MNIST:"
_R4 = "Report R4's CNN on 27,000 digits of the Digit Recognizer, 20 epochs"

REFERENCES: dict[str, Reference] = {
    # Lesson 01
    "r2_class_count_difference": Reference(
        "R2", "First 6,000 MNIST labels: images by which the class counts differ", 0, _EXACT, "equal", "01"
    ),
    "knn3_accuracy_fashion": Reference("R3", _KNN_WHAT, _KNN, _ROUNDED, "equal", "01"),
    # Lesson 03
    "knn3_test_accuracy": Reference("R3", _KNN_WHAT, _KNN, _ROUNDED, "equal", "03"),
    "ann_parameters": Reference(
        "R0", "ANN (two dense layers): parameters", 109_386, _EXACT, "equal", "03", any_data=True
    ),
    "cnn_parameters": Reference(
        "R0", "CNN (two convolutions): parameters", 225_034, _EXACT, "equal", "03", any_data=True
    ),
    "ann_validation_accuracy": Reference(
        "R0", f"ANN on {_R0}: validation accuracy", 0.8903, _ANN_SEEDS, "higher", "03"
    ),
    "ann_best_validation_accuracy": Reference(
        "R0", f"ANN on {_R0}: validation accuracy of the best epoch", 0.8951, _ANN_SEEDS, "higher", "03"
    ),
    "cnn_validation_accuracy": Reference(
        "R0", f"CNN on {_R0}: validation accuracy", 0.9175, _SEEDS, "higher", "03"
    ),
    "cnn_best_validation_accuracy": Reference(
        "R0", f"CNN on {_R0}: validation accuracy of the best epoch", 0.9186, _SEEDS, "higher", "03"
    ),
    "mlp_validation_accuracy": Reference(
        "R3", "MLP on Fashion-MNIST, 50 epochs: validation accuracy (≈)", 0.877, _READ, "higher", "03"
    ),
    "deep_cnn_validation_accuracy": Reference(
        "R3",
        "CNN with 5 convolutions on Fashion-MNIST, 20 epochs: validation accuracy (≈ 0.90 to 0.91)",
        0.90,
        _READ,
        "higher",
        "03",
    ),
    # Lesson 05
    "majority_test_accuracy": Reference(
        "R1", "Twist: share of the largest group in the 10,000 test images", 0.3, _EXACT, "equal", "05"
    ),
    "twist_default_parameters": Reference(
        "R1", "Default CNN: parameters", 40_933, _EXACT, "equal", "05", any_data=True
    ),
    "twist_custom_parameters": Reference(
        "R1", "Custom CNN: parameters", 259_717, _EXACT, "equal", "05", any_data=True
    ),
    "twist_custom_trainable_parameters": Reference(
        "R1", "Custom CNN: trainable parameters", 259_333, _EXACT, "equal", "05", any_data=True
    ),
    "twist_default_validation_accuracy": Reference(
        "R1", f"Default CNN on {_R1}: validation accuracy", 0.9373, _SEEDS, "higher", "05"
    ),
    "twist_default_test_accuracy": Reference(
        "R1", f"Default CNN on {_R1}: test accuracy", 0.9285, _SEEDS, "higher", "05"
    ),
    "twist_default_test_loss": Reference(
        "R1", f"Default CNN on {_R1}: test loss", 0.2097, _LOSS, "lower", "05"
    ),
    "twist_custom_validation_accuracy": Reference(
        "R1", f"Custom CNN on {_R1}: validation accuracy", 0.9480, _SEEDS, "higher", "05"
    ),
    "twist_custom_test_accuracy": Reference(
        "R1", f"Custom CNN on {_R1}: test accuracy", 0.9448, _SEEDS, "higher", "05"
    ),
    "twist_custom_test_loss": Reference(
        "R1", f"Custom CNN on {_R1}: test loss", 0.1614, _LOSS, "lower", "05"
    ),
    "encoding_size": Reference(
        "R1", "Flatten layer of the custom CNN: numbers an image", 2304, _EXACT, "equal", "05", any_data=True
    ),
    # Lesson 06
    "vgg16_parameters": Reference(
        "R2", "VGG16 at 224 × 224 with its head: parameters", 17_927_370, _EXACT, "equal", "06", any_data=True
    ),
    "vgg16_trainable_parameters": Reference(
        "R2",
        "VGG16 at 224 × 224 with its head: trainable parameters",
        3_212_682,
        _EXACT,
        "equal",
        "06",
        any_data=True,
    ),
    "vgg16_validation_accuracy": Reference(
        "R2", f"{_VGG16}: validation accuracy", 0.9683, _SEEDS, "higher", "06"
    ),
    "vgg16_best_validation_accuracy": Reference(
        "R2", f"{_VGG16}: validation accuracy of the best epoch", 0.9833, _SEEDS, "higher", "06"
    ),
    "vgg16_training_accuracy": Reference(
        "R2", f"{_VGG16}: accuracy on its own training images", 0.9879, _SEEDS, "higher", "06"
    ),
    "tsne_gmm_purity": Reference("R2", f"{_GMM} purity of 4,800 images", 0.8365, _MIXTURE, "higher", "06"),
    "tsne_gmm_purity_2400": Reference(
        "R2", f"{_GMM} purity of 2,400 images", 0.8325, _MIXTURE, "higher", "06"
    ),
    # The report concludes from its two purities that the number of images hardly matters.
    "tsne_gmm_purity_4800_minus_2400": Reference(
        "R2", f"{_GMM} purity of 4,800 images minus that of 2,400", 0.0040, _MIXTURE, "equal", "06"
    ),
    # Lesson 07
    "r4_parameters": Reference(
        "R4", "Report R4's CNN: parameters", 2_686_858, _EXACT, "equal", "07", any_data=True
    ),
    "r4_trainable_parameters": Reference(
        "R4", "Report R4's CNN: trainable parameters", 2_685_962, _EXACT, "equal", "07", any_data=True
    ),
    "r4_network_training_accuracy": Reference(
        "R4", f"{_R4}: training accuracy in its log", 0.9936, _DIGITS, "higher", "07"
    ),
    "r4_network_validation_accuracy": Reference(
        "R4", f"{_R4}: validation accuracy in its log", 0.9925, _DIGITS, "higher", "07"
    ),
    "r4_network_test_part_accuracy": Reference(
        "R4", f"{_R4}: accuracy on the test part", 0.9930, _DIGITS_TEST_PART, "higher", "07"
    ),
    "submission_rows": Reference(
        "Kaggle", "Digit Recognizer: rows of submission.csv", 28_000, _EXACT, "equal", "07"
    ),
    "hidden_test_accuracy": Reference(
        "R4",
        "Digit Recognizer: share of the 28,000 hidden digits that are right (Kaggle score)",
        0.99385,
        _HIDDEN_DIGITS,
        "higher",
        "07",
    ),
}
