"""Who and what the news of defence diplomacy names: states, bodies, people, bases, exercises, agreements, forums.

The data are tables under data/, written by hand from public facts, with a version. `load_gazetteer()` is cached.
"""

from shared.gazetteer.loader import build_gazetteer, load_gazetteer
from shared.gazetteer.model import Form, Gazetteer, Kind, Mention
from shared.gazetteer.table import GazetteerError

__all__ = ["Form", "Gazetteer", "GazetteerError", "Kind", "Mention", "build_gazetteer", "load_gazetteer"]
