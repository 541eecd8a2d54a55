// How the page holds up in a flood: 200 messages a second in the open room, beside 100 rooms that are listed.
//
//     CHATD=target/release/chatd cargo xtask with node benches/flood.mjs
//
// It prints frames a second, how busy the page's main thread is, and how long keys take until the next frame with them is drawn.
//
// The browser's own measure of a key ("event timing") waits for a frame to be reported as presented, which headless Chromium
// leaves out for hundreds of milliseconds where little changes, although the key is painted. So the page's own frames count.
import { stage } from "../tests/browser/stage.mjs";

const [RATE, SECONDS, LISTED, WARM_UP_S] = [Number(process.env.FLOOD_RATE ?? 200), 20, 100, 3];

const { server, person } = await stage();
const rooms = [];
for (let index = 1; index <= LISTED; index += 1) rooms.push(await server.room(`room ${index}`));
const ada = await person("Ada", { room: rooms[0] });
const devtools = await ada.context.newCDPSession(ada.page);
// What the thread has worked, not what it has waited for a core that others use.
await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
await ada.page.evaluate(() => {
  globalThis.flood = { frames: 0, keys: [] };
  const count = () => ((globalThis.flood.frames += 1), requestAnimationFrame(count));
  requestAnimationFrame(count);
  // A task that comes after a frame's drawing.
  const afterFrame = (act) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = act;
    port2.postMessage(null);
  });
  addEventListener("keydown", ({ timeStamp }) => afterFrame(() => globalThis.flood.keys.push(performance.now() - timeStamp)), { capture: true });
});

let [sent, isOver] = [0, false];
/** Sends as many as are due, in the open room, and each tenth in one of the others. */
async function flood() {
  const start = Date.now();
  const under = new Set();
  while (!isOver) {
    const due = ((Date.now() - start) / 1000) * RATE;
    while (sent < due && under.size < 64) {
      sent += 1;
      const room = sent % 10 === 0 ? rooms[1 + (sent % (LISTED - 1))] : rooms[0];
      const one = server.say(room, `User ${sent % 20}`, `Message ${sent} of many, which are about as long as people write.`).finally(() => under.delete(one));
      under.add(one);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(under);
}

async function reading() {
  const { metrics } = await devtools.send("Performance.getMetrics");
  const of = (name) => metrics.find((metric) => metric.name === name).value;
  return { at: performance.now() / 1000, busy: of("TaskDuration"), ...(await ada.page.evaluate(() => ({ frames: globalThis.flood.frames }))) };
}

const flooding = flood();
await new Promise((resolve) => setTimeout(resolve, WARM_UP_S * 1000));
const before = await reading();
await ada.page.evaluate(() => void (globalThis.flood.keys = []));
let pressed = 0;
await ada.field().focus();
for (const end = Date.now() + SECONDS * 1000; Date.now() < end; pressed += 1) {
  await ada.page.keyboard.press(pressed % 40 === 39 ? "Backspace" : "a");
  await new Promise((resolve) => setTimeout(resolve, 80));
}
const after = await reading();
isOver = true;
await flooding;
const keys = (await ada.page.evaluate(() => globalThis.flood.keys)).sort((a, b) => a - b);
const at = (part) => keys[Math.floor(keys.length * part)].toFixed(0);
const elapsed = after.at - before.at;
console.log(`${(sent / (SECONDS + WARM_UP_S)).toFixed(0)} messages/s sent`);
console.log(`${((after.frames - before.frames) / elapsed).toFixed(1)} frames/s`);
console.log(`${(((after.busy - before.busy) / elapsed) * 100).toFixed(0)} % of the main thread`);
console.log(`keys: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, of ${pressed}`);
