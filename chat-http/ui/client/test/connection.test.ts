import assert from "node:assert/strict";
import { test } from "node:test";
import { staysAway } from "../src/error.ts";
import { settle } from "./fake-clock.ts";
import { Bench } from "./fake-socket.ts";

const statuses = (bench: Bench): string[] => bench.states.map((state) => state.status);

test("a connection is online with the first frame, and pings as soon as it is open", async () => {
  const bench = new Bench();
  assert.equal(bench.client.state.status, "closed");
  bench.client.start();
  await settle();
  assert.equal(bench.socket.url, "ws://chat.example/ws/chat?username=Alice");
  bench.socket.onopen?.({});
  assert.deepEqual(bench.socket.sent, [{ type: "ping" }]);
  assert.deepEqual(statuses(bench), ["connecting"]);
  bench.socket.frame({ type: "pong" });
  assert.deepEqual(statuses(bench), ["connecting", "online"]);
});

test("it never gives up, and the pauses grow to half a minute at most", async () => {
  const bench = new Bench({ random: () => 1 });
  bench.client.start();
  const pauses: number[] = [];
  for (let i = 0; i < 60; i++) {
    await settle();
    bench.socket.end(1006);
    const { state } = bench.client;
    assert.equal(state.status, "waiting");
    if (state.status !== "waiting") return;
    pauses.push(state.retryAt - bench.clock.now());
    await bench.clock.advance(pauses.at(-1)!);
  }
  assert.equal(bench.sockets.length, 61);
  assert.deepEqual(pauses.slice(0, 8), [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  assert.equal(Math.max(...pauses), 30_000);
});

test("the address is asked for before every connection, and failing to tell it is a failed attempt", async () => {
  let asked = 0;
  const bench = new Bench({
    url: async () => {
      asked += 1;
      if (asked === 2) throw new Error("no token at the moment");
      return `ws://chat.example/ws/chat?token=${asked}`;
    },
  });
  await bench.online();
  bench.socket.end(4540);
  await bench.clock.advance(5_000);
  assert.deepEqual(
    bench.sockets.map((socket) => socket.url),
    ["ws://chat.example/ws/chat?token=1", "ws://chat.example/ws/chat?token=3"],
  );
});

test("http addresses become those of sockets", async () => {
  const bench = new Bench({ url: "https://chat.example/base/ws/chat?username=A#part" });
  bench.client.start();
  await settle();
  assert.equal(bench.socket.url, "wss://chat.example/base/ws/chat?username=A");
});

for (const code of [1002, 1003, 1007, 1008, 1009, 4400, 4401, 4403, 4404, 4409, 4410, 4499]) {
  test(`close code ${code} means to stay away`, async () => {
    assert.equal(staysAway(code), true);
    const bench = new Bench();
    await bench.online();
    bench.socket.end(code, "why");
    assert.deepEqual(bench.client.state, { status: "refused", code, reason: "why" });
    bench.network.wake();
    await bench.clock.advance(3_600_000);
    assert.equal(bench.sockets.length, 1);
  });
}

for (const code of [1000, 1001, 1005, 1006, 1011, 1012, 1013, 4508, 4529, 4540, 4560, 4562, 4599]) {
  test(`close code ${code} means to come back`, async () => {
    assert.equal(staysAway(code), false);
    const bench = new Bench();
    await bench.online();
    bench.socket.end(code);
    assert.equal(bench.client.state.status, "waiting");
    await bench.clock.advance(10_000);
    assert.equal(bench.sockets.length, 2);
  });
}

test("a client that was refused tries again when it is started again", async () => {
  const bench = new Bench();
  await bench.online();
  bench.socket.end(4401);
  await bench.online();
  assert.equal(bench.sockets.length, 2);
  assert.equal(bench.client.state.status, "online");
});

test("too fast: the client comes back, but not quickly", async () => {
  const bench = new Bench({ random: () => 1 });
  await bench.online();
  bench.socket.end(4529);
  await bench.clock.advance(10_000);
  assert.equal(bench.sockets.length, 1);
  await bench.clock.advance(10_000);
  assert.equal(bench.sockets.length, 2);
});

test("a server that accepts and ends at once is backed off from; one that holds is a success", async () => {
  const bench = new Bench({ random: () => 1 });
  await bench.online();
  for (const pause of [500, 1_000, 2_000]) {
    bench.socket.end(1013);
    await bench.clock.advance(pause);
    bench.socket.accept();
  }
  await bench.clock.advance(6_000);
  bench.socket.end(1013);
  assert.deepEqual(bench.client.state, { status: "waiting", attempt: 1, retryAt: bench.clock.now() + 500 });
});

test("a silent socket is asked for a pong, and lives on if anything comes", async () => {
  const bench = new Bench();
  await bench.online();
  for (let i = 0; i < 10; i++) {
    const before = bench.socket.sent.length;
    await bench.clock.advance(15_000);
    assert.equal(bench.socket.sent.length, before + 1);
    await bench.clock.advance(9_900);
    bench.socket.frame({ type: "something new" });
  }
  assert.equal(bench.sockets.length, 1);
  assert.equal(bench.client.state.status, "online");
});

test("a socket that stays silent is dead after 25 seconds and is replaced", async () => {
  const bench = new Bench();
  await bench.online();
  await bench.clock.advance(24_900);
  assert.equal(bench.sockets.length, 1);
  await bench.clock.advance(600);
  assert.equal(bench.sockets[0]!.closed, true);
  assert.equal(bench.sockets.length, 2);
});

test("what an abandoned socket still says is not heard", async () => {
  const bench = new Bench();
  const first = await bench.online();
  await bench.clock.advance(26_000);
  bench.socket.accept();
  first.frame({ type: "pong" });
  first.end(4403);
  assert.equal(bench.client.state.status, "online");
});

test("an attempt that hears nothing fails after fifteen seconds", async () => {
  const bench = new Bench();
  bench.client.start();
  await bench.clock.advance(14_000);
  assert.equal(bench.client.state.status, "connecting");
  await bench.clock.advance(2_000);
  assert.equal(bench.sockets.length, 2);
});

test("an attempt whose address never comes fails too", async () => {
  let asked = 0;
  const bench = new Bench({ url: () => (++asked === 1 ? new Promise<string>(() => {}) : "ws://chat.example/ws/chat") });
  bench.client.start();
  await bench.clock.advance(16_000);
  assert.equal(asked, 2);
  assert.equal(bench.sockets.length, 1);
});

test("when the network goes, the connection is given up at once", async () => {
  const bench = new Bench({ random: () => 1 });
  await bench.online();
  bench.network.go();
  assert.equal(bench.client.state.status, "waiting");
  bench.network.go();
  assert.equal(bench.client.state.status, "waiting", "once is enough");
  await bench.clock.advance(500);
  assert.equal(bench.client.state.status, "connecting");
});

test("while somebody looks, no pause is longer than eight seconds", async () => {
  const bench = new Bench({ random: () => 1 });
  bench.network.seen = true;
  bench.client.start();
  for (let i = 0; i < 20; i++) {
    await settle();
    bench.socket.end(1006);
    await bench.clock.advance(8_000);
    assert.equal(bench.client.state.status, "connecting");
  }
});

test("when the network comes back the next attempt is made at once", async () => {
  const bench = new Bench({ random: () => 1 });
  bench.client.start();
  for (let i = 0; i < 10; i++) {
    await settle();
    bench.socket.end(1006);
    await bench.clock.advance(30_000);
  }
  bench.socket.end(1006);
  await bench.clock.advance(2_000);
  const before = bench.sockets.length;
  bench.network.wake();
  await bench.clock.advance(0);
  assert.equal(bench.sockets.length, before + 1);
});

test("a network that comes and goes does not make attempts closer than a second", async () => {
  const bench = new Bench();
  bench.client.start();
  for (let i = 0; i < 100; i++) {
    await bench.clock.advance(100);
    bench.socket.end(1006);
    bench.network.wake();
  }
  assert.ok(bench.sockets.length <= 11, `${bench.sockets.length} attempts in ten seconds`);
});

test("when the page comes back a dead socket is noticed within five seconds", async () => {
  const bench = new Bench();
  await bench.online();
  bench.network.wake();
  assert.equal(bench.socket.of("ping").length, 2);
  bench.network.wake();
  await bench.clock.advance(5_500);
  assert.equal(bench.sockets.length, 2);
});

test("an attempt that hangs is given up when the network comes back", async () => {
  const bench = new Bench();
  bench.client.start();
  await bench.clock.advance(5_000);
  bench.network.wake();
  await settle();
  assert.equal(bench.sockets.length, 2);
  assert.equal(bench.sockets[0]!.closed, true);
});

test("stop closes for good and lets go of the network's events", async () => {
  const bench = new Bench();
  await bench.online();
  assert.equal(bench.network.subscribers, 1);
  bench.client.stop();
  assert.equal(bench.socket.closed, true);
  assert.equal(bench.network.subscribers, 0);
  await bench.clock.advance(3_600_000);
  assert.equal(bench.sockets.length, 1);
  assert.deepEqual(statuses(bench), ["connecting", "online", "closed"]);
});

test("stop while the address is being asked for opens no socket", async () => {
  const bench = new Bench();
  bench.client.start();
  bench.client.stop();
  await bench.clock.advance(60_000);
  assert.equal(bench.sockets.length, 0);
});

test("listeners may stop the client from within a change of state", async () => {
  for (const status of ["connecting", "online", "waiting"]) {
    const bench = new Bench();
    bench.client.onState((state) => {
      if (state.status === status) bench.client.stop();
    });
    bench.client.start();
    await settle();
    bench.sockets.at(-1)?.accept();
    bench.sockets.at(-1)?.end(1006);
    await bench.clock.advance(60_000);
    assert.equal(bench.client.state.status, "closed", status);
    assert.ok(bench.sockets.length <= 1, status);
  }
});

test("garbage from the server is ignored", async () => {
  const bench = new Bench();
  await bench.online();
  for (const data of ["", "{", "null", "[]", '"message"', "{}", '{"type":1}', new ArrayBuffer(4)]) {
    bench.socket.onmessage?.({ data });
  }
  for (const frame of [{ type: "attached" }, { type: "message", room: 1 }, { type: "error" }, { type: "ok", ref: 1 }]) {
    bench.socket.frame(frame);
  }
  assert.equal(bench.client.state.status, "online");
});

test("a token is the first frame of every connection, and is renewed before it ends", async () => {
  let asked = 0;
  const bench = new Bench({
    url: "ws://chat.example/ws/chat",
    token: async () => {
      asked += 1;
      if (asked === 3) throw new Error("no token at the moment");
      return `token-${asked}`;
    },
  });
  bench.client.start();
  await settle();
  bench.socket.onopen?.({});
  assert.deepEqual(bench.socket.sent.slice(0, 2), [{ type: "auth", token: "token-1" }, { type: "ping" }]);
  assert.equal(bench.socket.url, "ws://chat.example/ws/chat", "nothing secret is in the address");
  bench.socket.frame({ type: "ok", user: "u-1", username: "Ada", expires_in_ms: 90_000 });
  bench.socket.frame({ type: "expiring", in_ms: 60_000 });
  await settle();
  assert.deepEqual(bench.socket.of("auth").map(({ token }) => token), ["token-1", "token-2"]);
  // Without a new one the socket stays until the server closes it.
  bench.socket.frame({ type: "expiring", in_ms: 60_000 });
  await settle();
  assert.equal(bench.socket.of("auth").length, 2);
  bench.socket.end(4540);
  await bench.clock.advance(5_000);
  await settle();
  bench.socket.onopen?.({});
  assert.deepEqual(bench.socket.of("auth").map(({ token }) => token), ["token-4"]);
});
