import { render } from "preact";
import { App } from "./app.tsx";

const root = document.getElementById("app");
// The page works under whatever prefix the site is mounted at.
if (root) render(<App base={new URL("./", document.baseURI)} />, root);
