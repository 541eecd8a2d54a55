import { render } from "preact";
import { App } from "./app.tsx";
import { Boundary } from "./boundary.tsx";
import { install } from "./install.ts";
import { renderOnceAFrame } from "./rendering.ts";
import { language, speak } from "./language.ts";

renderOnceAFrame();

const root = document.getElementById("app");
// The page works under whatever prefix the site is mounted at.
const base = new URL("./", document.baseURI);
// Its files are those of its own version.
const version = new URL(import.meta.url).search;
await speak(navigator.languages, base, version);
document.documentElement.lang = language().lang;
document.documentElement.dir = language().direction;
if (root) {
  render(
    <Boundary>
      <App base={base} />
    </Boundary>,
    root,
  );
}
install(base);
