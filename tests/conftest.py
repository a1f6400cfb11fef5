"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of third-party data; a test that needs it skips where it is absent."""
    folder = Path(os.environ.get("CNNRNN_SHARED_DATA", SHARED))
    if not folder.is_dir():
        pytest.skip("third-party data is not here (set CNNRNN_SHARED_DATA to its folder)")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Every test gets an empty cache of its own, so that none depends on another."""
    monkeypatch.setenv("CNNRNN_CACHE", str(tmp_path_factory.mktemp("cache")))
