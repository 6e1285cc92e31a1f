import pytest

from services.tagger.genre import OPINION, genre_of


@pytest.mark.parametrize(
    ("title", "url", "categories", "genre"),
    [
        ("Opinion: Drills are not enough", None, (), OPINION),  # by its headline
        ("Drills are not enough", "https://news.example/opinion/2024/drills", (), OPINION),  # by its address
        ("Drills are not enough", None, ("World", "Op-Ed"), OPINION),  # by a category
        ("Opinion polls move in Peru", "https://news.example/world/peru", ("World",), None),  # a mere word
        ("Chile and Peru drill", None, (), None),
    ],
)
def test_opinion_is_known(title: str, url: str | None, categories: tuple[str, ...], genre: str | None) -> None:
    assert genre_of(title, url, categories) == genre
