"""Settings: from the environment, documented, with errors that name the variable."""

import runpy
from pathlib import Path

import pytest

from lookalike.errors import SettingInvalid
from lookalike.settings import Settings, load_settings

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_of_settings_is_what_the_settings_are():
    page = runpy.run_path(str(DOCS / "generate.py"))["settings_page"]()
    assert (DOCS / "settings.md").read_text() == page, "run: python docs/generate.py"
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize("name", ["MODEL_NAME", "LOOKALIKE_MODEL_NAME"])
def test_some_names_are_known_without_the_prefix(monkeypatch, name):
    monkeypatch.setenv(name, "RN50")
    assert load_settings().model_name == "RN50"


def test_a_wrong_value_names_its_variable(monkeypatch):
    monkeypatch.setenv("LOOKALIKE_MAX_IMAGE_PIXELS", "many")
    with pytest.raises(SettingInvalid, match=r"LOOKALIKE_MAX_IMAGE_PIXELS.*'many'"):
        load_settings()
