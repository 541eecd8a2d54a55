import { test } from "node:test";
import { LOST, stage } from "./stage.mjs";

test("the server is killed and started again, and both pages carry on", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  const ada = await person("Ada", { room });
  const bob = await person("Bob", { room });
  const texts = [];
  for (let round = 1; round <= 3; round++) {
    await ada.say(`Ada ${round}`);
    await bob.sees([...texts, `Ada ${round}`]);
    await bob.say(`Bob ${round}`);
    texts.push(`Ada ${round}`, `Bob ${round}`);
    await ada.sees(texts);

    await server.kill();
    for (const one of [ada, bob]) await one.page.locator(".connection").waitFor();
    await ada.say(`Ada, into the silence ${round}`);
    await ada.page.locator(".sending").waitFor();
    await server.start();
    texts.push(`Ada, into the silence ${round}`);
    for (const one of [ada, bob]) {
      await one.page.locator(".connection").waitFor({ state: "detached" });
      await one.sees(texts);
    }
  }
  for (const one of [ada, bob]) await one.seesPeople(2);
  // What a fresh page shows is the truth.
  await bob.page.reload();
  await bob.sees(texts);
  calm(LOST);
});
