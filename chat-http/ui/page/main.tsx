import { render } from "preact";
import { App } from "./app.tsx";
import { Boundary } from "./boundary.tsx";
import { filesAreAt } from "./files.ts";
import { install } from "./install.ts";
import { later, loadWhenIdle } from "./later.tsx";
import { MessageWindowHere } from "./messages/window-here.ts";
import { takeOver } from "./owner.ts";
import { renderOnceAFrame } from "./rendering.ts";
import { language, speak } from "./language.ts";
import { settings, wantedLanguages } from "./settings/settings.ts";

renderOnceAFrame();

const MessageWindow = later((all) => all.MessageWindow);
const root = document.getElementById("app");
// The page works under whatever prefix the site is mounted at.
const base = new URL("./", document.baseURI);
// Its files are those of its own version.
const version = new URL(import.meta.url).search;
filesAreAt(base, version);
takeOver(base);
let spoken: string | null | undefined;

/** Shows everything in the language that was chosen: at the start, and when it is another one. */
async function show(): Promise<void> {
  const wanted = settings.language;
  if (wanted === spoken) return;
  spoken = wanted;
  await speak(wantedLanguages(wanted, navigator.languages), base, version);
  document.documentElement.lang = language().lang;
  document.documentElement.dir = language().direction;
  const page = (
    <Boundary>
      <MessageWindowHere.Provider value={MessageWindow}>
        <App base={base} />
      </MessageWindowHere.Provider>
    </Boundary>
  );
  if (root && wanted === spoken) render(page, root);
}

await show();
settings.watch(() => void show());
settings.follow();
install(base);
loadWhenIdle();
