"""Items to ids that survive edits, re-orderings and moves from http to https.

An item is known by its guid, else its link, else its words. Publishers reuse guids: items of one document that
would share an id although they are different are ALL known by guid and link (then by title too), never only the
later ones, so the order of a document does not matter. A feed that does this habitually is moved down a ladder
of policies for good; the ids an item had higher up the ladder are its aliases.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from services.fetcher.feed.document import ParsedItem
from services.fetcher.feed.text import one_line, plain
from shared.identity import stable_id

GUID, GUID_LINK, CONTENT = POLICIES = ("guid", "guid-link", "content")
HABITUAL = 0.05
"""The share of items with a reused id above which a feed's policy goes down one step (FreshRSS uses the same)."""
_SCHEME = re.compile(r"^https?://", re.IGNORECASE)


@dataclass(frozen=True)
class Identity:
    """An item's id, and the ids it may have been sent under by another policy or before its guid was reused.

    An alias alone proves nothing (a reused guid is everybody's alias): it does together with an equal digest.
    """

    id: str
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class Identities:
    """One identity per item, in the items' order, and the policy to remember; `reused` counts items in collisions."""

    ids: tuple[Identity, ...]
    policy: str
    reused: int


def identify(feed_id: str, items: Sequence[ParsedItem], policy: str = GUID) -> Identities:
    """Give every item its id within the feed; items equal in guid, link and title share one."""
    level = POLICIES.index(policy)
    ladders = [_ladder(item) for item in items]
    while level < len(POLICIES) - 1 and _reused(ladders, level) > HABITUAL * len(items):
        level += 1
    counts = [_variants(ladders, step) for step in range(len(POLICIES))]
    identities = []
    for ladder in ladders:
        step = level
        while step < len(POLICIES) - 1 and counts[step][ladder[step]] > 1:
            step += 1
        ids = [stable_id("art", feed_id, *key) for key in ladder]
        identities.append(Identity(ids[step], tuple(dict.fromkeys(i for i in ids if i != ids[step]))))
    return Identities(tuple(identities), POLICIES[level], _reused(ladders, POLICIES.index(policy)))


Key = tuple[str, ...]


def _ladder(item: ParsedItem) -> tuple[Key, Key, Key]:
    """Return the item's key under each policy."""
    guid = _SCHEME.sub("", item.guid or "")
    link = _SCHEME.sub("", item.link or "")
    title = one_line(item.title)
    if not guid and not link:
        own: Key = ("words", title, plain(item.summary or item.content))
        return own, own, own
    first: Key = ("guid", guid) if guid else ("link", link)
    return first, ("guid-link", guid, link), ("content", guid, link, title)


def _variants(ladders: Sequence[tuple[Key, Key, Key]], step: int) -> Counter[Key]:
    """How many different items share each key at a step of the ladder."""
    return Counter(ladder[step] for ladder in set(ladders))


def _reused(ladders: Sequence[tuple[Key, Key, Key]], step: int) -> int:
    counts = _variants(ladders, step)
    return sum(counts[ladder[step]] > 1 for ladder in set(ladders))
