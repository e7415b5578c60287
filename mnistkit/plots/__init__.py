"""Figures of the lessons: each function takes arrays or a lesson's results, draws, and computes nothing.

Every function returns a `matplotlib.figure.Figure`; `show` puts it into the notebook together with its alt
text. Colours come from seaborn's colour-blind palette, and nothing is told by colour alone.
"""

from mnistkit.plots.clusters import *
from mnistkit.plots.common import *
from mnistkit.plots.embeddings import *
from mnistkit.plots.exploring import *
from mnistkit.plots.layers import *
from mnistkit.plots.networks import *
from mnistkit.plots.recognizing import *
