"""Whether the tables are those that this version of the code knows."""

from services.cli.doctor.finding import Finding, failure, ok, warning
from shared.database.migrate import SchemaState, Standing


def judge_schema(state: SchemaState, *, may_create: bool = True) -> Finding:
    """Judge a schema; `may_create` says whether the user of DB_URL may bring it up to date."""
    if state.standing is Standing.TOO_NEW:
        return failure(
            f"the tables are at revision {state.found}, this version knows up to {state.newest}",
            "Start the version of Attaché that migrated the database, or a later one.",
        )
    if state.standing is Standing.CURRENT:
        return ok(f"the tables are at the newest revision, {state.newest}")
    if state.found is None:
        told = "the tables are not made yet"
    else:
        told = f"the tables are at revision {state.found}, {len(state.missing)} behind {state.newest}"
    if not may_create:
        return failure(f"{told}, and this user may not make any", "Run `attache migrate` as a user that may.")
    return warning(told, "Run `attache migrate`; `attache run` does it by itself.")
