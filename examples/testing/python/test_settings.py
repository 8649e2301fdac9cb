"""A process does not start with a placeholder for a secret."""

import pytest

from smartbeak.process import settings

GOOD = {
    "NODE_ENV": "development",
    "LOG_LEVEL": "info",
    "CONTROL_PLANE_DB": "postgres://smartbeak@127.0.0.1:5432/smartbeak",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "JWT_KEY_1": "1" * 32,
    "JWT_KEY_2": "2" * 32,
}


def test_the_api_listens_on_its_port() -> None:
    assert settings.load(GOOD, "api").port == 3001


@pytest.mark.parametrize("value", ["", "short", "a-placeholder-of-at-least-32-characters"])
def test_a_key_that_is_no_key_is_refused(value: str) -> None:
    with pytest.raises(settings.SettingsError, match="JWT_KEY_1"):
        settings.load({**GOOD, "JWT_KEY_1": value}, "api")
