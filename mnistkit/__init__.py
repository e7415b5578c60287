"""mnistkit: lessons, reports and assignments on MNIST and Fashion-MNIST from one set of notebooks.

The notebooks import the modules by name (``from mnistkit import clustering, plots``). Nothing heavy is
imported here, so that ``import mnistkit`` stays fast.
"""

__version__ = "0.1.0"
