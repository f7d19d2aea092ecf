"""A text in both languages. Every text that a person reads on a dashboard is one of these."""

from typing import NamedTuple

LANGUAGES = ("es", "en")


class Text(NamedTuple):
    es: str
    en: str


def say(value, language):
    """The same structure, with each `Text` replaced by the one language."""
    if isinstance(value, Text):
        return getattr(value, language)
    if isinstance(value, dict):
        return {say(key, language): say(item, language) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [say(item, language) for item in value]
    return value
