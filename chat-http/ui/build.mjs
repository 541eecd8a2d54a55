// Bundles the sources into dist/, which is committed and embedded in the binary: `npm run build`.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = here("./dist");

/** What goes into dist/: the name there, and the source it is bundled or copied from. */
const outputs = {
  "client.js": "./client/src/index.ts",
  "widget.js": "./widget/widget.ts",
  "first.js": "./page/settings/first.ts",
  "markup.js": "./page/markup/parse.ts",
  "app.css": "./page/style.css",
  "index.html": "./page/index.html",
  "favicon.svg": "./page/favicon.svg",
  "manifest.webmanifest": "./page/manifest.webmanifest",
  "icon-192.png": "./page/icons/icon-192.png",
  "icon-512.png": "./page/icons/icon-512.png",
  "icon-maskable.png": "./page/icons/icon-maskable.png",
};

/** What belongs to no version of the page: what others load, and what says which version there is. */
const UNVERSIONED = /^(?:client\.js|widget\.js|sw\.js|index\.html|favicon\.svg|manifest\.webmanifest|.*\.png|.*\.gz)$/;

/** Style sheets that are imported by a script come as bundled, minified text. */
const styleText = {
  name: "style-text",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { outputFiles } = await build({ entryPoints: [path], bundle: true, minify: true, write: false, charset: "utf8", logLevel: "warning" });
      return { contents: inOwnSizes(outputFiles[0].text), loader: "text" };
    });
  },
};

/** A page around the widget says what `rem` is. Sizes follow what readers have chosen instead; conditions know no variables. */
function inOwnSizes(style) {
  return style.replace(/@(media|container)[^{]*|(-?[\d.]+)rem\b/g, (found, rule, size) => {
    if (size) return `calc(${size}*var(--chat-rem))`;
    return rule === "container" ? found.replaceAll("rem", "em") : found;
  });
}

/** Writes the compressed file, unless the one that is there holds the same: zlib's versions differ. */
function compress(path) {
  const bytes = readFileSync(path);
  const current = existsSync(`${path}.gz`) && gunzipSync(readFileSync(`${path}.gz`)).equals(bytes);
  if (!current) writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
}

/** Each language but English, which is in the scripts, is a file of its own. */
async function writeTexts(name) {
  const { outputFiles } = await build({ entryPoints: [here(`./page/texts/${name}.ts`)], bundle: true, write: false, format: "esm", charset: "utf8", logLevel: "warning" });
  const { default: texts } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
  writeFileSync(`${dist}/texts-${name}.json`, `${JSON.stringify(texts)}\n`);
}

/**
 * Gives the page its version, the digest of its files, which are asked for with it: `app.js?v=…`. So a page has the files of
 * its own version, whatever is kept of others. The worker knows them all.
 */
async function writeVersion() {
  const names = readdirSync(dist).filter((name) => !UNVERSIONED.test(name)).sort();
  const all = createHash("sha256");
  for (const name of ["index.html", ...names]) all.update(`${name} `).update(readFileSync(`${dist}/${name}`));
  const version = all.digest("hex").slice(0, 16);
  const versioned = (name) => `${name}?v=${version}`;
  const named = (text, quoted) => text.replace(quoted, (whole, before, name, after) => (names.includes(name) ? before + versioned(name) + after : whole));
  const rewrite = (name, change) => writeFileSync(`${dist}/${name}`, change(readFileSync(`${dist}/${name}`, "utf8")));
  rewrite("index.html", (page) => named(page, /((?:href|src)=")([^"]*)(")/g).replace("CHAT_VERSION", version));
  // Scripts of the page that load each other.
  for (const script of names.filter((name) => name.endsWith(".js"))) rewrite(script, (code) => named(code, /(["'`]\.\/)([\w-]+\.js)(["'`])/g));
  const digest = (name) => `sha256-${createHash("sha256").update(readFileSync(`${dist}/${name}`)).digest("base64")}`;
  const shell = { version, files: Object.fromEntries(names.map((name) => [versioned(name), digest(name)])) };
  await build({ entryPoints: [here("./worker/worker.ts")], outfile: `${dist}/sw.js`, bundle: true, minify: true, format: "iife", target: "es2022", charset: "utf8", legalComments: "none", define: { SHELL: JSON.stringify(shell) }, logLevel: "warning" });
}

/** The newest version of emoji that is on nearly all devices. */
const EMOJI_VERSION = 15;
const HUES_AND_HAIR = 2;
/** What asks for a picture where a picture is meant anyway: keyboards leave it out. */
const NEEDLESS = /(\p{Emoji_Presentation})\uFE0F/gu;

/** The emoji by kind, each with its shortcodes and words, from the data of Unicode's CLDR as emojibase has it. */
function writeEmoji() {
  const read = (path) => JSON.parse(readFileSync(here(`./node_modules/emojibase-data/${path}`), "utf8"));
  const [all, github, more] = [read("en/data.json"), read("en/shortcodes/github.json"), read("en/shortcodes/emojibase.json")];
  const groups = [];
  for (const { emoji, hexcode, label, tags = [], group, order, version } of all) {
    if (group === undefined || group === HUES_AND_HAIR || version > EMOJI_VERSION) continue;
    const codes = [...new Set([github[hexcode] ?? [], more[hexcode] ?? []].flat())];
    (groups[group] ??= []).push({ order, entry: [emoji.replace(NEEDLESS, "$1"), codes.join(" "), [...new Set([...label.split(" "), ...tags])].join(" ")] });
  }
  const sorted = groups.filter(Boolean).map((group) => group.sort((one, other) => one.order - other.order).map(({ entry }) => entry));
  writeFileSync(`${dist}/emoji.json`, `${JSON.stringify(sorted)}\n`);
}

const scripts = {
  absWorkingDir: here("."),
  bundle: true,
  minify: true,
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  alias: { "decode-named-character-reference": "./page/markup/no-references.ts" },
  logLevel: "warning",
};

/** The page: what is seen first, what is loaded later, and what both are made of. */
async function writePage() {
  await build({ ...scripts, entryPoints: { app: here("./page/main.tsx"), more: here("./page/more.ts") }, outdir: dist, format: "esm", splitting: true, chunkNames: "shared" });
}

mkdirSync(dist, { recursive: true });
await writePage();
for (const [name, source] of Object.entries(outputs)) {
  if (!existsSync(here(source))) {
    console.warn(`skipped ${name}: there is no ${source}`);
    continue;
  }
  if (/\.(html|svg|png|webmanifest)$/.test(name)) {
    copyFileSync(here(source), `${dist}/${name}`);
    continue;
  }
  await build({
    ...scripts,
    entryPoints: [here(source)],
    outfile: `${dist}/${name}`,
    // The widget is a plain script, which must leave no names behind; what imports it may be anything. The first script of
    // the page is one, too: modules come after the first paint.
    format: ["widget.js", "first.js"].includes(name) ? "iife" : "esm",
    plugins: name === "widget.js" ? [styleText] : [],
  });
}

for (const file of readdirSync(here("./page/texts")).sort()) if (file !== "en.ts") await writeTexts(file.replace(/\.ts$/, ""));

writeEmoji();

await writeVersion();

for (const name of readdirSync(dist).sort()) {
  // Pictures are compressed already.
  if (/\.(gz|png)$/.test(name)) continue;
  compress(`${dist}/${name}`);
  const bytes = readFileSync(`${dist}/${name}`);
  console.log(`${name.padEnd(14)} ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} gzipped`);
}
