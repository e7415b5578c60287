"""What the package tells who waits."""

import logging
from contextlib import contextmanager


@contextmanager
def collected_messages():
    """Collect what the package's loggers say meanwhile."""
    lines = []

    class Collector(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage())

    logger, collector = logging.getLogger("mnistkit"), Collector()
    level = logger.level
    logger.addHandler(collector)
    logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        logger.removeHandler(collector)
        logger.setLevel(level)
