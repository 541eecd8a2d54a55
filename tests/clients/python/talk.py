"""A conversation by the client that openapi-python-client generates: `talk.py URL ROOM`."""

import sys

from chat_client import Client
from chat_client.api.messages import list_messages, send_message
from chat_client.api.rooms import create_room
from chat_client.models import MessageDraft, RoomDraft, Problem, ProblemCode


def main(url: str, name: str) -> None:
    with Client(base_url=url, raise_on_unexpected_status=True) as client:
        room = create_room.sync(client=client, body=RoomDraft(name=name, topic="Python"))

        hello = MessageDraft(content="Hello from Python!")
        to_send = {"client": client, "body": hello, "username": "Python", "idempotency_key": "k1"}
        sent = send_message.sync_detailed(room.id, **to_send)
        assert sent.status_code == 201, sent

        page = list_messages.sync(room.id, client=client, limit=10)
        assert [message.content for message in page.messages] == ["Hello from Python!"], page

        again = send_message.sync_detailed(room.id, **to_send)
        assert (again.status_code, again.parsed.seq) == (200, sent.parsed.seq), again
        assert again.headers["Idempotency-Replayed"] == "true", again

        problem = create_room.sync(client=client, body=RoomDraft(name=name))
        assert isinstance(problem, Problem), problem
        assert (problem.code, problem.room.id) == (ProblemCode.NAME_TAKEN, room.id), problem
        print(f"room {room.id} message {sent.parsed.seq}")


main(*sys.argv[1:])
