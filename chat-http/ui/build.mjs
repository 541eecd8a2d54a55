// Bundles the sources into dist/, which is committed and embedded in the binary: `npm run build`.
import { build } from "esbuild";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = here("./dist");

/** What goes into dist/: the name there, and the source it is bundled or copied from. */
const outputs = {
  "client.js": "./client/src/index.ts",
  "widget.js": "./widget/widget.ts",
  "app.js": "./page/main.tsx",
  "app.css": "./page/style.css",
  "index.html": "./page/index.html",
};

mkdirSync(dist, { recursive: true });
for (const [name, source] of Object.entries(outputs)) {
  if (!existsSync(here(source))) {
    console.warn(`skipped ${name}: there is no ${source}`);
    continue;
  }
  if (name.endsWith(".html")) {
    copyFileSync(here(source), `${dist}/${name}`);
    continue;
  }
  await build({
    entryPoints: [here(source)],
    outfile: `${dist}/${name}`,
    absWorkingDir: here("."),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    jsx: "automatic",
    jsxImportSource: "preact",
    logLevel: "warning",
  });
}

for (const name of readdirSync(dist).sort()) {
  const bytes = readFileSync(`${dist}/${name}`);
  console.log(`${name.padEnd(12)} ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} gzipped`);
}
