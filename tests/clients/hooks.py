"""What the document cannot say of requests that are right."""

import unicodedata

import schemathesis
from hypothesis import strategies

DIRECTIONS = ("before", "after", "around")


@schemathesis.hook.apply_to(operation_id=["list_messages", "list_thread"])
def filter_query(context, query):
    """A page of history has one direction at most: with two of them 400 is the right answer."""
    return sum(name in (query or {}) for name in DIRECTIONS) < 2


@schemathesis.hook.apply_to(operation_id=["add_reaction", "remove_reaction"])
def filter_path_parameters(context, path_parameters):
    """The length of a reaction is limited in bytes, which no pattern counts."""
    reaction = str((path_parameters or {}).get("reaction", ""))
    return len(unicodedata.normalize("NFC", reaction).encode("utf-8", "surrogatepass")) <= 64


@schemathesis.hook.apply_to(
    operation_id=["set_member", "remove_member", "ban_user", "unban_user", "mute_user", "unmute_user"]
)
def filter_path_parameters(context, path_parameters):  # noqa: F811
    """So is the length of a user's id. Nobody acts under the ids of erased users."""
    user = str((path_parameters or {}).get("user", ""))
    return len(user.encode("utf-8", "surrogatepass")) <= 256 and not user.startswith("erased:")


@schemathesis.hook.apply_to(operation_id=["send_message", "edit_message"])
def filter_body(context, body):
    """Nothing has U+0000, nor does `meta`, whose fields no schema names."""
    return not isinstance(body, dict) or not has_zero(body.get("meta"))


def has_zero(value):
    if isinstance(value, dict):
        return any("\0" in name or has_zero(inner) for name, inner in value.items())
    if isinstance(value, list):
        return any(map(has_zero, value))
    return isinstance(value, str) and "\0" in value


# For schemathesis no header holds a colon, so that it has no right value by the document's pattern alone.
schemathesis.openapi.format("event-id", strategies.from_regex(r"[!-9;-~]{1,40}:(0|[1-9][0-9]{0,14})", fullmatch=True))


@schemathesis.hook
def before_load_schema(context, raw_schema):
    events = raw_schema["paths"]["/api/chat/rooms/{room_id}/events"]["get"]
    last_id = next(parameter for parameter in events["parameters"] if parameter["name"] == "Last-Event-ID")
    last_id["schema"] = {"type": "string", "format": "event-id"}
    # The pattern says it, too. With both, schemathesis rewrites the pattern into one that it cannot read.
    for name in ("MessageDraft", "MessageEdit"):
        del raw_schema["components"]["schemas"][name]["properties"]["content"]["minLength"]
    message = raw_schema["paths"]["/api/chat/rooms/{room_id}/messages/{seq}"]
    reason = next(parameter for parameter in message["delete"]["parameters"] if parameter["name"] == "reason")
    del reason["schema"]["maxLength"]
    for path in ("members/{user}", "bans/{user}", "mutes/{user}"):
        delete = raw_schema["paths"][f"/api/chat/rooms/{{room_id}}/{path}"]["delete"]
        reason = next(parameter for parameter in delete["parameters"] if parameter["name"] == "reason")
        del reason["schema"]["maxLength"]
    del raw_schema["components"]["schemas"]["RestrictionDraft"]["properties"]["reason"]["maxLength"]


@schemathesis.hook.apply_to(operation_id=["stream_events", "stream_notices"])
def before_call(context, case, kwargs):
    """A stream that opens does not end: its beginning is taken for all of it."""
    kwargs.update(stream=True, hooks={"response": take_beginning})


def take_beginning(response, **_):
    if response.headers.get("Content-Type") == "text/event-stream":
        # Requests has no way to say so: this is what it reads the whole body into.
        response._content = next(response.iter_content(None))
        response.close()
