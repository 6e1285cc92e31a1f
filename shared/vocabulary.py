"""The words every service uses: topics, statuses, aims, places, certainties, severities.

A value written here is on the wire, in the database and in users' subscriptions: add, never rename.
Topics follow the activities of defence diplomacy in Cottey & Forster (Adelphi Paper 365), DCAD and PLOVER.
"""

from enum import StrEnum


class Topic(StrEnum):
    """What a claim is about: the 26 matters a watcher may subscribe to."""

    SENIOR_MEETING = "senior-meeting"
    DIALOGUE_FORUM = "dialogue-forum"
    MILITARY_CHANNELS = "military-channels"
    ATTACHE_EXCHANGE = "attache-exchange"
    JOINT_EXERCISE = "joint-exercise"
    TRAINING_CAPACITY = "training-capacity"
    MILITARY_EDUCATION = "military-education"
    PORT_CALL = "port-call"
    JOINT_PATROL = "joint-patrol"
    BASING_ACCESS = "basing-access"
    FORCE_PRESENCE = "force-presence"
    STATUS_OF_FORCES = "status-of-forces"
    DEFENCE_AGREEMENT = "defence-agreement"
    ALLIANCE_GUARANTEE = "alliance-guarantee"
    ARMS_CONTROL = "arms-control"
    ARMS_SALE = "arms-sale"
    MILITARY_AID = "military-aid"
    DEFENCE_INDUSTRY = "defence-industry"
    INTELLIGENCE_CYBER = "intelligence-cyber"
    PEACEKEEPING = "peacekeeping"
    HADR_MEDICAL = "hadr-medical"
    MINE_ACTION = "mine-action"
    SECURITY_THREATS = "security-threats"
    RELATIONS_SHIFT = "relations-shift"
    RESTRICTION_EMBARGO = "restriction-embargo"
    COERCION_INCIDENT = "coercion-incident"


TOPIC_TITLES: dict[Topic, str] = {
    Topic.SENIOR_MEETING: "Senior defence visit or meeting",
    Topic.DIALOGUE_FORUM: "Defence dialogue or forum",
    Topic.MILITARY_CHANNELS: "Military channels and confidence building",
    Topic.ATTACHE_EXCHANGE: "Attachés, liaison and exchange officers",
    Topic.JOINT_EXERCISE: "Joint exercise",
    Topic.TRAINING_CAPACITY: "Training and capacity building",
    Topic.MILITARY_EDUCATION: "Military education",
    Topic.PORT_CALL: "Port call and unit visit",
    Topic.JOINT_PATROL: "Joint patrol",
    Topic.BASING_ACCESS: "Bases, access and overflight",
    Topic.FORCE_PRESENCE: "Stationing and withdrawal of forces",
    Topic.STATUS_OF_FORCES: "Status of forces and host-nation cost",
    Topic.DEFENCE_AGREEMENT: "Defence agreement",
    Topic.ALLIANCE_GUARANTEE: "Alliance and security guarantee",
    Topic.ARMS_CONTROL: "Arms control and verification",
    Topic.ARMS_SALE: "Arms sale",
    Topic.MILITARY_AID: "Military aid",
    Topic.DEFENCE_INDUSTRY: "Defence industry and technology",
    Topic.INTELLIGENCE_CYBER: "Intelligence, cyber and space",
    Topic.PEACEKEEPING: "Peacekeeping",
    Topic.HADR_MEDICAL: "Disaster relief and military medicine",
    Topic.MINE_ACTION: "Demining",
    Topic.SECURITY_THREATS: "Terrorism, piracy and border security",
    Topic.RELATIONS_SHIFT: "State of the defence relationship",
    Topic.RESTRICTION_EMBARGO: "Embargo, sanction or suspension",
    Topic.COERCION_INCIDENT: "Military pressure or incident",
}

CONTEXT_TOPICS = frozenset({Topic.COERCION_INCIDENT})
"""Stored and open to subscription, but never enough to raise an alert alone."""


class Status(StrEnum):
    """What has happened, as the text tells it; the legal order is that of an arc's life."""

    PROPOSED = "proposed"
    UNDER_DISCUSSION = "under-discussion"
    AGREED_SIGNED = "agreed-signed"
    BEGUN = "begun"
    CONCLUDED = "concluded"
    RESUMED = "resumed"
    EXPANDED = "expanded"
    SUSPENDED = "suspended"
    CANCELLED_ENDED = "cancelled-ended"
    DENIED = "denied"
    CRITICISED = "criticised"
    STANDING = "standing"


STATUS_WORDS: dict[str, str] = {
    Status.PROPOSED: "proposed",
    Status.UNDER_DISCUSSION: "under discussion",
    Status.AGREED_SIGNED: "agreed",
    Status.BEGUN: "begun",
    Status.CONCLUDED: "concluded",
    Status.RESUMED: "resumed",
    Status.EXPANDED: "expanded",
    Status.SUSPENDED: "suspended",
    Status.CANCELLED_ENDED: "ended",
    Status.DENIED: "denied",
    Status.CRITICISED: "criticised",
    Status.STANDING: "standing",
}
"""How people say a status, or an aim, which has the same names."""


class Aim(StrEnum):
    """What the matter talked about would become, while the status says it has not happened yet."""

    RESUMED = "resumed"
    EXPANDED = "expanded"
    SUSPENDED = "suspended"
    CANCELLED_ENDED = "cancelled-ended"
    BEGUN = "begun"


AIM_BEARING = frozenset({Status.PROPOSED, Status.UNDER_DISCUSSION, Status.AGREED_SIGNED, Status.DENIED, Status.BEGUN})
"""Statuses under which a claim may carry an aim ("are mending the channels": begun, aim resumed)."""


class Place(StrEnum):
    """Whether a claim is what the item reports, or old context, biography, another story's headline."""

    NEWS = "news"
    BACKGROUND = "background"


class Certainty(StrEnum):
    """How sure the text itself is: both sides or officials, one side, media, the writer's framing, rumour."""

    CONFIRMED = "confirmed"
    CLAIMED = "claimed"
    REPORTED = "reported"
    INFERRED = "inferred"
    RUMOURED = "rumoured"


class Severity(StrEnum):
    """P1: state change in footprint or instruments; P2: in practice or materiel; P3: talk and denials; P4: rest."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class AlertKind(StrEnum):
    """Raised once per development; updated when status, parties or severity change."""

    RAISED = "raised"
    UPDATED = "updated"


BODIES = frozenset({"NATO", "EU", "UN", "ASEAN", "AU"})
"""Organisations that may stand as parties beside ISO 3166-1 alpha-3 codes (and XKX)."""
