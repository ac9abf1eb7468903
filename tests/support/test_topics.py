"""The general instructions."""

from support.topics import SHIPPED, Topic


def test_every_topic_has_one_instruction_in_both_languages() -> None:
    assert [each.topic for each in SHIPPED] == list(Topic)
    for each in SHIPPED:
        assert each.text("en") == each.text_en
        assert each.text("de") == each.text_de
        # Step for step the same.
        assert len(each.text_en.splitlines()) == len(each.text_de.splitlines()) >= 3
