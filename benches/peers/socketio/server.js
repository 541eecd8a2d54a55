// A chat server on Socket.IO, as its documentation builds one: rooms, and what somebody says goes to all in the room. It stores nothing.
import { createServer } from "node:http";
import { Server } from "socket.io";

const port = Number(process.argv[2]);
const http = createServer();
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false });

io.on("connection", (socket) => {
  socket.join(socket.handshake.query.room);
  socket.emit("joined");
  socket.on("message", (room, text) => io.to(room).emit("message", { room, content: text, username: socket.id }));
});

http.listen(port, "127.0.0.1");
