"""A conversation by the client that openapi-python-client generates: `talk.py URL ROOM`."""

import sys

from chat_client import Client
from chat_client.api.members import (
    ban_user,
    join_room,
    leave_room,
    list_members,
    mute_user,
    set_member,
)
from chat_client.api.messages import (
    delete_message,
    edit_message,
    get_message,
    list_messages,
    list_thread,
    send_message,
)
from chat_client.api.reactions import add_reaction
from chat_client.api.reads import list_my_rooms, mark_read
from chat_client.api.rooms import create_room
from chat_client.models import (
    MarkRequest,
    MemberDraft,
    MessageDraft,
    MessageEdit,
    Problem,
    ProblemCode,
    RestrictionDraft,
    Role,
    RoomDraft,
)


def main(url: str, name: str) -> None:
    # The name of a guest goes with every request.
    as_guest = {"params": {"username": "Python"}}
    with Client(base_url=url, raise_on_unexpected_status=True, httpx_args=as_guest) as client:
        room = create_room.sync(client=client, body=RoomDraft(name=name, topic="Python"))

        hello = MessageDraft(content="Hello from Python!")
        to_send = {"client": client, "body": hello, "idempotency_key": "k1"}
        sent = send_message.sync_detailed(room.id, **to_send)
        assert sent.status_code == 201, sent

        page = list_messages.sync(room.id, client=client, limit=10)
        assert [message.content for message in page.messages] == ["Hello from Python!"], page

        again = send_message.sync_detailed(room.id, **to_send)
        assert (again.status_code, again.parsed.seq) == (200, sent.parsed.seq), again
        assert again.headers["Idempotency-Replayed"] == "true", again

        change(client, room.id, sent.parsed.seq)
        come_and_go(client, room.id)

        problem = create_room.sync(client=client, body=RoomDraft(name=name))
        assert isinstance(problem, Problem), problem
        assert (problem.code, problem.room.id) == (ProblemCode.NAME_TAKEN, room.id), problem
        print(f"room {room.id} message {sent.parsed.seq}")


def change(client: Client, room: int, seq: int) -> None:
    """What was sent is edited, reacted to, answered in a thread, and read; the answer is deleted."""
    me = {"client": client}
    edited = edit_message.sync(room, seq, **me, idempotency_key="k2", body=MessageEdit(content="Hello again!"))
    assert (edited.content, edited.edited.count) == ("Hello again!", 1), edited
    assert add_reaction.sync(room, seq, "👍", **me).count == 1

    answer = send_message.sync(room, **me, body=MessageDraft(content="In the thread", thread=seq))
    thread = list_thread.sync(room, seq, client=client)
    assert [message.seq for message in thread.messages] == [answer.seq], thread

    mark = mark_read.sync(room, **me, body=MarkRequest(seq=seq))
    assert (mark.seq, mark.unread, mark.ordinal) == (seq, 0, 1), mark
    mine = list_my_rooms.sync(**me).rooms[0]
    assert (mine.id, mine.unread, mine.last_message.thread_count) == (room, 0, 1), mine

    assert delete_message.sync_detailed(room, answer.seq, **me).status_code == 204
    tombstone = get_message.sync(room, answer.seq, client=client)
    assert (tombstone.content, tombstone.deleted.user) == ("", "Python"), tombstone


def come_and_go(client: Client, room: int) -> None:
    """Guests own no rooms: they come in, add others, and go, and that is all."""
    assert join_room.sync(room, client=client, idempotency_key="k3").members == 1
    added = set_member.sync_detailed(room, "a/b", client=client, body=MemberDraft(username="Slash"))
    assert (added.status_code, added.parsed.username, added.parsed.role) == (201, "Slash", Role.MEMBER), added
    page = list_members.sync(room, client=client, role=Role.MEMBER, q="sl")
    assert [member.user for member in page.members] == ["a/b"], page
    for refused in (
        ban_user.sync(room, "a/b", client=client, body=RestrictionDraft(reason="Spam")),
        mute_user.sync(room, "a/b", client=client),
    ):
        assert isinstance(refused, Problem) and refused.code == ProblemCode.FORBIDDEN, refused
    assert leave_room.sync_detailed(room, client=client).status_code == 204


main(*sys.argv[1:])
