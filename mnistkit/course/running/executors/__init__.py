"""Where work runs: on this machine or on the workers of a Dask cluster."""
