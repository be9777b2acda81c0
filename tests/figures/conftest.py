import pytest
from synthetic_study import make_study


@pytest.fixture(scope="session")
def study_tables():
    """Return the function that makes a study's tables; each call has its own dictionary of them."""
    return lambda **options: dict(make_study(**options))
