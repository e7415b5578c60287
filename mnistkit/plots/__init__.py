"""Figures of the lessons: each function takes arrays or a lesson's results, draws, and computes nothing.

Every function returns a `matplotlib.figure.Figure`; `show` puts it into the notebook together with its alt
text. Colours come from seaborn's colour-blind palette, and nothing is told by colour alone.
"""

from mnistkit.plots.activations import *
from mnistkit.plots.answers import *
from mnistkit.plots.clustering import *
from mnistkit.plots.common import *
from mnistkit.plots.embedding import *
from mnistkit.plots.exploration import *
from mnistkit.plots.networks import *
