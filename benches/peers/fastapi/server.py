"""The plain design of a chat server: FastAPI, SQLAlchemy and SQLite. Each message is stored and committed, then sent to each socket in turn."""

import asyncio
import sys
from collections import defaultdict
from datetime import datetime, timezone

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from pydantic import BaseModel
from sqlalchemy import DateTime, ForeignKey, String, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Room(Base):
    __tablename__ = "rooms"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)


class Message(Base):
    __tablename__ = "messages"
    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"), index=True)
    username: Mapped[str] = mapped_column(String(100))
    content: Mapped[str]
    timestamp: Mapped[datetime] = mapped_column(DateTime)


class NewRoom(BaseModel):
    name: str


engine = create_engine(f"sqlite:///{sys.argv[2]}", connect_args={"check_same_thread": False})


@event.listens_for(engine, "connect")
def durable(connection, _record):
    """The same durability as chatd."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


Base.metadata.create_all(engine)
app = FastAPI()
sockets: dict[int, set[WebSocket]] = defaultdict(set)


@app.post("/api/chat/rooms", status_code=201)
def make_room(new: NewRoom):
    with Session(engine) as session:
        room = Room(name=new.name)
        session.add(room)
        session.commit()
        return {"id": room.id, "name": room.name}


def store(room: int, username: str, content: str):
    with Session(engine) as session:
        message = Message(room_id=room, username=username, content=content, timestamp=datetime.now(timezone.utc))
        session.add(message)
        session.commit()
        return {"id": message.id, "username": username, "content": content, "timestamp": message.timestamp.isoformat()}


@app.websocket("/ws/chat/{room}")
async def chat(socket: WebSocket, room: int, username: str):
    await socket.accept()
    sockets[room].add(socket)
    await socket.send_text('{"type": "joined"}')
    try:
        while True:
            frame = await socket.receive_json()
            message = await asyncio.to_thread(store, room, username, frame["content"])
            for member in list(sockets[room]):
                await member.send_json({"type": "message", **message})
    except WebSocketDisconnect:
        pass
    finally:
        sockets[room].discard(socket)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
