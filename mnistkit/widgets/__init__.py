"""What people touch: explorers that show what a lesson has computed, and a place to try one's handwriting.

Where no kernel runs (a page on GitHub) a picture stands in for the explorer: it displays both under one
output, and whoever shows the notebook takes what it can. In a run the output also has the explorer's states,
of which the report's page makes pictures to choose from, without a script.
"""

from mnistkit.widgets.clusters.embedding import EmbeddingExplorer, embedding_explorer
from mnistkit.widgets.clusters.eps import EpsExplorer, eps_explorer
from mnistkit.widgets.clusters.kmeans import KMeansExplorer, kmeans_explorer
from mnistkit.widgets.clusters.kmeans_steps import KMeansSteps, kmeans_steps
from mnistkit.widgets.networks.activations import ActivationExplorer, activation_explorer
from mnistkit.widgets.networks.confusion import ConfusionExplorer, confusion_explorer
from mnistkit.widgets.networks.convolution import ConvolutionExplorer, convolution_explorer
from mnistkit.widgets.networks.handwriting import DrawnDigit, drawn_digit
from mnistkit.widgets.networks.occlusion import OcclusionExplorer, occlusion_explorer
from mnistkit.widgets.networks.shift import ShiftExplorer, shift_explorer
from mnistkit.widgets.networks.threshold import ThresholdExplorer, threshold_explorer

__all__ = [
    "ActivationExplorer",
    "ConfusionExplorer",
    "ConvolutionExplorer",
    "DrawnDigit",
    "EmbeddingExplorer",
    "EpsExplorer",
    "KMeansExplorer",
    "KMeansSteps",
    "OcclusionExplorer",
    "ShiftExplorer",
    "ThresholdExplorer",
    "activation_explorer",
    "confusion_explorer",
    "convolution_explorer",
    "drawn_digit",
    "embedding_explorer",
    "eps_explorer",
    "kmeans_explorer",
    "kmeans_steps",
    "occlusion_explorer",
    "shift_explorer",
    "threshold_explorer",
]
