"""A bot on the generated client: goes to a room and answers `!ping`, `!time` and `!roll 2d6`.

    python bot.py http://127.0.0.1:8080 general Robo
"""

import json
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone

import httpx
from chat_client import Client
from chat_client.api.messages import send_message
from chat_client.api.rooms import create_room
from chat_client.models import Message, MessageDraft, RoomDraft, Problem, ProblemCode, Room
from chat_client.types import Response


def main(url: str, name: str, me: str) -> None:
    # The bot comes as a guest: its name goes with every request.
    client = Client(base_url=url, httpx_args={"params": {"username": me}})
    room = enter(client, name)
    print(f"{me} is in room {room.id}", flush=True)
    for message in hear(client, room):
        answer = answer_to(message.content)
        if answer and message.user != me:
            # The key names what is answered: so each message is answered once, also by a bot that was started anew.
            say(client, room, answer, key=f"answer-to-{message.seq}")


def answer_to(text: str) -> str | None:
    if text == "!ping":
        return "pong"
    if text == "!time":
        return f"{datetime.now(timezone.utc):%H:%M} UTC"
    if dice := re.fullmatch(r"!roll ([1-9]\d?)d([1-9]\d{0,2})", text):
        count, sides = map(int, dice.groups())
        return str(sum(random.randint(1, sides) for _ in range(count)))
    return None


def enter(client: Client, name: str) -> Room:
    """The room of this name; it is made if there is none."""
    made = retried(lambda: create_room.sync_detailed(client=client, body=RoomDraft(name=name))).parsed
    if isinstance(made, Problem) and made.code == ProblemCode.NAME_TAKEN:
        return made.room
    if not isinstance(made, Room):
        sys.exit(f"no room: {made}")
    return made


def hear(client: Client, room: Room) -> Iterator[Message]:
    """The messages from now on, each once, also those from while the connection was lost; ends with the room."""
    last_id = {}
    while True:
        try:
            events = {"url": f"/api/chat/rooms/{room.id}/events", "headers": last_id}
            with client.get_httpx_client().stream("GET", **events, timeout=60) as stream:
                if stream.status_code in (204, 404):
                    return
                for line in stream.iter_lines():
                    field, _, value = line.partition(": ")
                    if field == "id":
                        last_id = {"Last-Event-ID": value}
                    elif field == "data" and (frame := json.loads(value))["type"] == "message":
                        yield Message.from_dict(frame)
        except httpx.TransportError:
            pass
        time.sleep(1)


def say(client: Client, room: Room, text: str, key: str) -> None:
    """Sends a message. However often it is sent with this key, it is stored once."""
    message = {"body": MessageDraft(content=text), "idempotency_key": key}
    retried(lambda: send_message.sync_detailed(room.id, client=client, **message))


def retried(call: Callable[[], Response]) -> Response:
    """Calls until the server answers with something other than "later"."""
    while True:
        try:
            answer = call()
            if answer.status_code < 500 and answer.status_code != 429:
                return answer
        except httpx.TransportError:
            pass
        time.sleep(1)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
