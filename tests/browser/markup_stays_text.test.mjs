import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "./stage.mjs";

const MARKUP = [
  "<img src=x onerror=alert(1)>",
  "<script>alert(1)</script>",
  "<svg/onload=alert(1)>",
  "<a href=\"javascript:alert(1)\">click</a>",
  "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
  "</textarea><style>*{display:none}</style>",
  "javascript:alert(1) data:text/html,<script>alert(1)</script>",
  "&lt;b&gt; &amp; &#60;i&#62;",
  "{{constructor.constructor('alert(1)')()}} ${alert(1)}",
];

test("markup as text stays text", async () => {
  const { server, person, calm } = await stage();
  const name = "<img src=x onerror=alert(2)>";
  const room = await server.room(name, "<b onclick=alert(3)>topic</b>");
  const ada = await person("<i>Ada</i>", { room });
  const bob = await person("Bob", { room });
  for (const text of MARKUP) await bob.say(text);
  for (const one of [ada, bob]) {
    await one.sees(MARKUP);
    assert.equal(await one.page.locator(".room-head h1").innerText(), name);
    assert.equal(await one.page.locator(".topic").textContent(), "<b onclick=alert(3)>topic</b>");
    assert.equal(await one.page.locator("#app").locator("img, script, iframe, style, a[href^='javascript:'], a[href^='data:'], b, i[onclick]").count(), 0);
  }
  await ada.say("<u>from one whose name is markup</u>");
  await bob.sees([...MARKUP, "<u>from one whose name is markup</u>"]);
  assert.equal(await bob.page.locator(".author").last().innerText(), "<i>Ada</i>");

  // A link is one only when it leads to a web page, and it says nothing of where it was followed.
  await bob.say("see https://example.org/?a=<b>&c=\"d\" and more");
  const link = ada.page.locator(".bubble a");
  await link.waitFor();
  assert.match(await link.getAttribute("href"), /^https:\/\/example\.org\//);
  assert.match(await link.getAttribute("rel"), /noopener/);
  calm();
});
