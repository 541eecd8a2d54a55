"""What the document cannot say of requests that are right."""

import schemathesis

DIRECTIONS = ("before", "after", "around")


@schemathesis.hook.apply_to(operation_id="list_messages")
def filter_query(context, query):
    """A page of history has one direction at most: with two of them 400 is the right answer."""
    return sum(name in (query or {}) for name in DIRECTIONS) < 2


@schemathesis.hook.apply_to(operation_id="stream_events")
def before_call(context, case, kwargs):
    """A stream that opens does not end: so it is asked of a room that is not there."""
    if isinstance(case.path_parameters.get("room_id"), int):
        case.path_parameters["room_id"] = 2**53 - 1
