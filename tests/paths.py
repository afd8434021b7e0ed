"""Where the tests find the repository and the optional folder of other people's records."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def shared_data() -> Path:
    """The folder of real records; skips the calling test where it is absent."""
    for place in (ROOT.parent / "shared" / "data", ROOT / "shared" / "data"):
        if place.is_dir():
            return place
    pytest.skip("the folder shared/data with other people's records is not beside the checkout")
