// Whatever people write, in every place that is shown: nothing of it runs, and the policy has nothing to stop. One violation
// is planted at the end, so that a page without a policy, or a test without ears, is noticed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { stage, until } from "./stage.mjs";

/** `run` would be called by whatever runs. */
const CORPUS = [
  "<script>run(1)</script>",
  "</script><script>run(1)</script>",
  "<img src=x onerror=run(1)>",
  "<img/src='x'onerror='run(1)'//",
  "<svg><script>run(1)</script></svg>",
  "<svg/onload=run(1)>",
  "<svg><animate onbegin=run(1) attributeName=x dur=1s>",
  "<math><mtext></mtext><mglyph><style><img src=x onerror=run(1)>",
  "<body onload=run(1)>",
  "<details open ontoggle=run(1)>",
  "<input autofocus onfocus=run(1)>",
  "<video><source onerror=run(1)></video>",
  "<iframe src=javascript:run(1)></iframe>",
  "<iframe srcdoc='<script>parent.run(1)</script>'></iframe>",
  "<object data=javascript:run(1)></object>",
  "<embed src=javascript:run(1)>",
  "<a href=javascript:run(1)>click</a>",
  "<form action=javascript:run(1)><button>go</button></form>",
  "<base href=//evil.example/>",
  "<link rel=stylesheet href=//evil.example/x.css>",
  "<meta http-equiv=refresh content='0;url=javascript:run(1)'>",
  "<style>@import '//evil.example/x.css';*{background:url(//evil.example)}</style>",
  "<template><script>run(1)</script></template>",
  "<noscript><p title='</noscript><img src=x onerror=run(1)>'>",
  "\"><script>run(1)</script>",
  "' autofocus onfocus='run(1)",
  "javascript:run(1)",
  "JaVaScRiPt:run(1)//http://x.example",
  "java\u200bscript:run(1)",
  "data:text/html,<script>run(1)</script>",
  "vbscript:run(1)",
  "http://x.example/\"onmouseover=run(1)//",
  "https://x.example/<img src=x onerror=run(1)>",
  "[x](javascript:run(1)) ![x](x onerror=run(1))",
  "{{constructor.constructor('run(1)')()}}",
  "${run(1)}",
  "&lt;script&gt;run(1)&lt;/script&gt; &#60;img src=x onerror=run(1)&#62;",
  "<!--<img src='--><img src=x onerror=run(1)>'>",
  "<![CDATA[<img src=x onerror=run(1)>]]>",
  "%3Cscript%3Erun(1)%3C/script%3E \\u003cscript\\u003erun(1)",
  "{\"__proto__\":{\"dangerouslySetInnerHTML\":{\"__html\":\"<img src=x onerror=run(1)>\"}}}",
];

const ONE = CORPUS[2];

test("nothing that people write runs in a browser", async () => {
  const { server, person, calm } = await stage();
  const ada = await person(ONE);
  await listen(ada.page);
  // As messages, a room for each page of them; and as names of rooms, topics and people.
  for (let at = 0; at < CORPUS.length; at += 20) {
    const [texts, some] = [CORPUS.slice(at, at + 20), CORPUS[at % 20]];
    const room = await server.room(`${at} ${ONE}`, "<svg/onload=run(1)> \"onclick=run(1) javascript:run(1)");
    for (const text of texts) await server.say(room, "\"><svg onload=run(1)>", text);
    await ada.go(room);
    await ada.sees(texts);
    for (const text of texts) {
      await ignoringRefusal(server.room(text, text));
      await ignoringRefusal(server.say(room, text, `from ${some}`));
    }
    await whatHappensToAMessage(server, room);
    await until(async () => assert.equal(await ada.page.locator(".room-head h1").innerText(), `${room}</title><script>run(1)</script>`));
    await ada.page.getByRole("button", { name: /here$/ }).click();
    await nothingRan(ada.page);
  }
  // All of it once more, as a page has it that is opened later.
  const later = await ada.open("/");
  await listen(later);
  await later.getByText("</title><script>run(1)</script>").first().waitFor();
  await nothingRan(later);
  calm();

  // The planted violation: a page that took text for HTML would be stopped, and heard.
  const thrown = await ada.page.evaluate((text) => {
    try {
      document.body.innerHTML = text;
      return null;
    } catch (error) {
      return error.name;
    }
  }, ONE);
  assert.equal(thrown, "TypeError");
  const heard = () => ada.complaints.filter((each) => each.startsWith("violates require-trusted-types-for")).length;
  await until(async () => assert.equal(heard(), 1));
  assert.equal(await ada.page.evaluate(() => window.ran), 0);
});

/** From now on the page counts what runs. */
function listen(page) {
  return page.evaluate(() => {
    window.ran = 0;
    window.run = () => (window.ran += 1);
  });
}

async function nothingRan(page) {
  assert.equal(await page.evaluate(() => window.ran), 0);
  const made = "img, script, iframe, object, embed, form[action], base, link, meta, style, video, [onclick], [onerror], [onload], [onfocus]";
  assert.equal(await page.locator("#app").locator(`:is(${made})`).count(), 0);
  const links = await page.locator("#app a").evaluateAll((all) => all.map((each) => each.href).filter((href) => !/^https?:/.test(href)));
  assert.deepEqual(links, []);
}

/** An edit, reactions, and a new name and topic of the room. */
async function whatHappensToAMessage(server, room) {
  const message = `/rooms/${room}/messages/${(await server.call("GET", `/rooms/${room}`)).head}`;
  const { user } = await server.call("GET", message);
  await server.call("PATCH", `${message}?username=${encodeURIComponent(user)}`, { content: ONE });
  for (const text of CORPUS.slice(0, 15)) {
    await ignoringRefusal(server.call("PUT", `${message}/reactions/${encodeURIComponent(text)}?username=Bob`));
  }
  await server.call("PATCH", `/rooms/${room}`, { name: `${room}</title><script>run(1)</script>`, topic: CORPUS[3] });
}

/** Some texts are no names: those are refused, which is as well. */
function ignoringRefusal(asked) {
  return asked.catch((error) => assert.match(String(error), /: 4\d\d/));
}
