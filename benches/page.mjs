// What the page takes: bytes and time until it is seen, from a key to another person's page, and memory.
//
//     CHATD=target/release/chatd cargo xtask with node benches/page.mjs
//
// Two cores run the server, both browsers and this script: the times are of all of them together.
import { stage, until } from "../tests/browser/stage.mjs";

const [PAINTS, MESSAGES, MEMORY] = [15, 100, [5_000, 50_000]];
const UNDER_WAY = 64;

const { server, person, visitor } = await stage();
const room = await server.room("general");
const at = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
const told = (times) => `p50 ${at(times, 0.5).toFixed(1)} ms, p95 ${at(times, 0.95).toFixed(1)} ms`;
const sorted = (times) => times.sort((one, other) => one - other);

// The first view, each time with nothing kept.
const paints = [];
for (let visit = 0; visit < PAINTS; visit += 1) {
  const { page, context } = await visitor("Visitor", { context: { serviceWorkers: "block" } });
  await page.getByLabel("Your name").waitFor();
  await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
  const seen = await page.evaluate(() => {
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    // What comes when it is seen already is for later.
    const files = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].filter(({ startTime }) => startTime <= paint.startTime);
    return { paint: paint.startTime, bytes: files.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0) };
  });
  if (visit === 0) console.log(`first view: ${seen.bytes} bytes`);
  paints.push(seen.paint);
  await context.close();
}
console.log(`first paint: ${told(sorted(paints))}, of ${PAINTS}`);

// From Enter to the frame after the message stands in another person's page.
const [ada, bob] = [await person("Ada", { room }), await person("Bob", { room })];
await bob.page.evaluate(() => {
  globalThis.seen = new Map();
  const look = () => {
    const text = [...document.querySelectorAll(".row .bubble .text")].at(-1)?.textContent;
    if (text && !globalThis.seen.has(text)) requestAnimationFrame(() => globalThis.seen.set(text, performance.timeOrigin + performance.now()));
  };
  new MutationObserver(look).observe(document.querySelector(".rows"), { childList: true, subtree: true });
});
await ada.page.evaluate(() => {
  globalThis.pressed = [];
  addEventListener("keydown", ({ key, timeStamp }) => key === "Enter" && globalThis.pressed.push(performance.timeOrigin + timeStamp), true);
});
const keys = [];
for (let each = 0; each < MESSAGES; each += 1) {
  const text = `Message ${each} on its way`;
  await ada.say(text);
  await until(async () => {
    const seen = await bob.page.evaluate((wanted) => globalThis.seen.get(wanted), text);
    if (seen === undefined) throw new Error(text);
    keys.push(seen - (await ada.page.evaluate(() => globalThis.pressed.at(-1))));
  });
}
console.log(`key to the other page: ${told(sorted(keys))}, of ${MESSAGES}`);
await bob.context.close();

// Memory, with all messages loaded.
const devtools = await ada.context.newCDPSession(ada.page);
await devtools.send("Performance.enable");
let sent = MESSAGES;
for (const wanted of MEMORY) {
  const under = new Set();
  while (sent < wanted) {
    sent += 1;
    const one = server.say(room, `User ${sent % 20}`, `Message ${sent} of many, which are about as long as people write.`).finally(() => under.delete(one));
    under.add(one);
    if (under.size >= UNDER_WAY) await Promise.race(under);
  }
  await Promise.all(under);
  await ada.page.getByText(`Message ${wanted} of many`).waitFor();
  await devtools.send("HeapProfiler.collectGarbage");
  const { metrics } = await devtools.send("Performance.getMetrics");
  const of = (name) => metrics.find((metric) => metric.name === name).value;
  console.log(`${wanted} messages: ${(of("JSHeapUsedSize") / 1e6).toFixed(1)} MB of heap, ${of("Nodes")} nodes`);
}
process.exit(0);
