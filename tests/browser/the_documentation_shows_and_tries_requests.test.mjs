import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "./stage.mjs";

test("the documentation shows the API and tries requests, with nothing that its policy forbids", async () => {
  const { server, person, calm } = await stage();
  await server.room("general");
  const ada = await person("Ada");
  const page = await ada.open("/docs");
  await page.getByText("/api/chat/rooms/{room_id}/messages").first().waitFor();
  assert.equal(await page.locator(".opblock").count(), 58, "every operation is there");
  const list = page.locator("#operations-Rooms-list_rooms");
  await list.locator("button.opblock-summary-control").click();
  await list.getByRole("button", { name: "Try it out" }).click();
  await list.getByRole("button", { name: "Execute" }).click();
  await list.locator(".live-responses-table").getByText("general").first().waitFor();
  await calm();
});
