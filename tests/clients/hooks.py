"""What the document cannot say of requests that are right."""

import schemathesis
from hypothesis import strategies

DIRECTIONS = ("before", "after", "around")


@schemathesis.hook.apply_to(operation_id="list_messages")
def filter_query(context, query):
    """A page of history has one direction at most: with two of them 400 is the right answer."""
    return sum(name in (query or {}) for name in DIRECTIONS) < 2


# For schemathesis no header holds a colon, so that it has no right value by the document's pattern alone.
schemathesis.openapi.format("event-id", strategies.from_regex(r"[!-9;-~]{1,40}:(0|[1-9][0-9]{0,14})", fullmatch=True))


@schemathesis.hook
def before_load_schema(context, raw_schema):
    events = raw_schema["paths"]["/api/chat/rooms/{room_id}/events"]["get"]
    last_id = next(parameter for parameter in events["parameters"] if parameter["name"] == "Last-Event-ID")
    last_id["schema"] = {"type": "string", "format": "event-id"}
    # The pattern says it, too. With both, schemathesis rewrites the pattern into one that it cannot read.
    del raw_schema["components"]["schemas"]["MessageDraft"]["properties"]["content"]["minLength"]


@schemathesis.hook.apply_to(operation_id="stream_events")
def before_call(context, case, kwargs):
    """A stream that opens does not end: its beginning is taken for all of it."""
    kwargs.update(stream=True, hooks={"response": take_beginning})


def take_beginning(response, **_):
    if response.headers.get("Content-Type") == "text/event-stream":
        # Requests has no way to say so: this is what it reads the whole body into.
        response._content = next(response.iter_content(None))
        response.close()
