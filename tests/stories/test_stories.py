"""Every story of playbooks/stories is a test, and every playbook has one of contact and one of silence."""

from pathlib import Path

import pytest

from outreach.lab.stories import Story, read_folder, tell, untold
from outreach.library.loader import load

ROOT = Path(__file__).parents[2]
RULES = load(ROOT)
STORIES, FAULTS = read_folder(ROOT, RULES)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.title)
def test_the_story_holds(story: Story) -> None:
    told = tell(story, RULES)
    assert told.good, str(told)


def test_every_story_can_be_read_and_every_playbook_is_told_of() -> None:
    assert [str(fault) for fault in FAULTS] == []
    assert untold(STORIES, RULES) == []


def test_there_are_more_than_a_dozen() -> None:
    assert len(STORIES) > 12
