"""What the tests of grading share."""

import pytest
from warm_sandbox import warm_sandbox


@pytest.fixture(scope="session")
def warm(session_cache):
    """Give processes for answers of our own, which need no walls and no seconds for imports."""
    with warm_sandbox(session_cache) as sandbox:
        yield sandbox
