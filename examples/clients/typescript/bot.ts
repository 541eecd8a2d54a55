/**
 * A bot on the generated client: goes to a room and answers `!ping`, `!time` and `!roll 2d6`.
 *
 *     npm start http://127.0.0.1:8080 general Robo
 */
import { setTimeout as sleep } from "node:timers/promises";
import createClient, { createQuerySerializer } from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Message = components["schemas"]["Message"];
type Room = components["schemas"]["Room"];
type ServerFrame = components["schemas"]["ServerFrame"];

const [baseUrl, name, me] = process.argv.slice(2);
if (!baseUrl || !name || !me) throw new Error("a URL, the name of a room and a name for the bot, please");
// The bot comes as a guest: its name goes with every request.
const serialize = createQuerySerializer();
const client = createClient<paths>({ baseUrl, querySerializer: (query) => serialize({ ...query, username: me }) });

const room = await enter(name);
console.log(`${me} is in room ${room.id}`);
for await (const message of hear(room)) {
  const answer = answerTo(message.content);
  // The key names what is answered: so each message is answered once, also by a bot that was started anew.
  if (answer && message.user !== me) await say(room, answer, `answer-to-${message.seq}`);
}

function answerTo(text: string): string | undefined {
  if (text === "!ping") return "pong";
  if (text === "!time") return `${new Date().toISOString().slice(11, 16)} UTC`;
  const [, count, sides] = /^!roll ([1-9]\d?)d([1-9]\d{0,2})$/.exec(text) ?? [];
  if (!count || !sides) return undefined;
  const dice = Array.from({ length: +count }, () => 1 + Math.floor(Math.random() * +sides));
  return String(dice.reduce((sum, die) => sum + die));
}

/** The room of this name; it is made if there is none. */
async function enter(name: string): Promise<Room> {
  const { data, error } = await retried(() => client.POST("/api/chat/rooms", { body: { name } }));
  const room = error?.code === "name_taken" ? error.room : data;
  if (!room) throw new Error(`no room: ${error?.detail}`);
  return room;
}

/** The messages from now on, each once, also those from while the connection was lost; ends with the room. */
async function* hear(room: Room): AsyncGenerator<Message> {
  let lastId: string | undefined;
  for (;;) {
    const { data: stream, response } = await retried(() =>
      client.GET("/api/chat/rooms/{room_id}/events", {
        params: { path: { room_id: room.id }, header: { "Last-Event-ID": lastId } },
        parseAs: "stream",
      }),
    );
    if (response.status === 204 || response.status === 404) return;
    try {
      for await (const line of lines(stream!)) {
        if (line.startsWith("id: ")) lastId = line.slice(4);
        if (!line.startsWith("data: ")) continue;
        const frame: ServerFrame = JSON.parse(line.slice(6));
        if (frame.type === "message") yield frame;
      }
    } catch {
      // The connection is lost: the last id tells where to go on.
    }
    await sleep(1000);
  }
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of stream) {
    const whole = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = whole.pop() ?? "";
    yield* whole;
  }
}

/** Sends a message. However often it is sent with this key, it is stored once. */
async function say(room: Room, content: string, key: string): Promise<void> {
  const params = { path: { room_id: room.id }, header: { "Idempotency-Key": key } };
  await retried(() => client.POST("/api/chat/rooms/{room_id}/messages", { params, body: { content } }));
}

/** Calls until the server answers with something other than "later". */
async function retried<Answer extends { response: Response }>(call: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await call().catch(() => undefined);
    if (answer && answer.response.status < 500 && answer.response.status !== 429) return answer;
    await sleep(1000);
  }
}
