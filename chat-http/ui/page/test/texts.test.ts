/** The tables of texts are complete, and no text stands outside of them. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import ts from "typescript";
import { LANGUAGES, type Plural } from "../language.ts";
import ar from "../texts/ar.ts";
import de from "../texts/de.ts";
import en from "../texts/en.ts";
import es from "../texts/es.ts";
import fr from "../texts/fr.ts";
import hi from "../texts/hi.ts";
import ja from "../texts/ja.ts";
import pt from "../texts/pt.ts";
import zh from "../texts/zh.ts";

const TABLES: Record<string, Record<string, string | Plural>> = { en, ar, de, es, fr, hi, ja, pt, zh };
/** The tests are bundled into a folder below this one. */
const UI = new URL("../../../", import.meta.url);

const formsOf = (text: string | Plural): Record<string, string> => (typeof text === "string" ? { only: text } : text);
const partsOf = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string).sort();

test("each table is a language that can be picked", () => {
  const files = readdirSync(new URL("page/texts", UI)).map((name) => name.replace(".ts", ""));
  assert.deepEqual(files.sort(), Object.keys(TABLES).sort());
  assert.deepEqual(["en", ...Object.keys(LANGUAGES)].sort(), files);
});

test("each language has a form for each of its plural categories, and no other", () => {
  for (const [language, table] of Object.entries(TABLES)) {
    const wanted = new Intl.PluralRules(language).resolvedOptions().pluralCategories.sort();
    for (const [key, text] of Object.entries(table)) if (typeof text !== "string") assert.deepEqual(Object.keys(text).sort(), wanted, `${language}.${key}`);
  }
});

test("each translation has the parts of the English text", () => {
  for (const [language, table] of Object.entries(TABLES)) {
    for (const [key, text] of Object.entries(table)) {
      const wanted = partsOf(formsOf(en[key as keyof typeof en])["other"] ?? (en[key as keyof typeof en] as string));
      for (const [form, words] of Object.entries(formsOf(text))) {
        // Words may say the number, where a form is for one number only.
        const named = language === "ar" && ["zero", "one", "two"].includes(form) ? wanted.filter((part) => part !== "count" || partsOf(words).includes(part)) : wanted;
        assert.deepEqual(partsOf(words), named, `${language}.${key}, ${form}`);
        assert.match(words, /\S/, `${language}.${key}, ${form}`);
      }
    }
  }
});

/** What looks like a text in the sources, and may stand there. */
const ALLOWED = new Set([
  // Keys with one name on every keyboard, and what the browser calls keys.
  ..."C E K R T ArrowUp ContextMenu ArrowDown ArrowLeft ArrowRight Enter Escape End Tab".split(" "),
  // A query of media that nothing fits.
  "not all",
  // Names of the wire and of standards.
  ..."Accept Authorization Content-Type Date Bearer POST GET PUT PATCH DELETE NFC NFKC NFKD".split(" "),
]);
/** Sources whose literals are no texts: the names of scripts, in Unicode's words. */
const NO_TEXTS = ["page/host.ts"];
/** Attributes that people see or hear. */
const SEEN = new Set(["alt", "aria-description", "aria-label", "aria-placeholder", "aria-roledescription", "aria-valuetext", "label", "placeholder", "title", "action"]);
const LETTERS = /\p{L}/u;
/** What reads like a text: a word that begins with a capital letter, or several words. */
const READS = /^\p{Lu}[\p{Ll}\p{Lu}]*(?:$|[\s:,.!?…])|\p{L}{2}[,:]? \p{L}{2}|…/u;

/** The texts that a source has of its own. */
function texts(path: string, source: string): string[] {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true, path.endsWith("x") ? ts.ScriptKind.TSX : ts.ScriptKind.TS);
  const found: string[] = [];
  const tell = (node: ts.Node, text: string): void => {
    const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    if (!ALLOWED.has(text.replace("{}", "").trim())) found.push(`${path}:${line}: ${text.trim()}`);
  };
  /** `shown`: whether a literal here comes before people's eyes. */
  const visit = (node: ts.Node, shown: boolean): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isTypeNode(node)) return;
    if (ts.isJsxText(node) && LETTERS.test(node.text)) tell(node, node.text);
    else if (ts.isJsxAttribute(node)) return node.initializer && visit(node.initializer, SEEN.has(node.name.getText()) || isProperty(node));
    else if (ts.isJsxExpression(node)) return node.expression && visit(node.expression, !ts.isJsxAttribute(node.parent) || shown);
    else if (ts.isCallExpression(node)) return ts.forEachChild(node, (child) => visit(child, false));
    else if (isLiteral(node) && LETTERS.test(wordsOf(node)) && (shown || (READS.test(wordsOf(node)) && !isName(node)))) tell(node, wordsOf(node));
    ts.forEachChild(node, (child) => visit(child, shown && isJoined(node, child)));
  };
  visit(file, false);
  return found;
}

/** A property of a component of ours may be shown anywhere; only its names are known to be none. */
function isProperty(attribute: ts.JsxAttribute): boolean {
  const tag = attribute.parent.parent.tagName.getText();
  return /^[A-Z]/.test(tag) && !["id", "class", "key", "kind", "state", "problem"].includes(attribute.name.getText());
}

/** In `a === "b"` nothing is shown, in `a && "b"` and `a + "b"` it is. */
function isJoined(node: ts.Node, child: ts.Node): boolean {
  if (!ts.isBinaryExpression(node)) return true;
  const { kind } = node.operatorToken;
  if (kind === ts.SyntaxKind.PlusToken || kind === ts.SyntaxKind.BarBarToken || kind === ts.SyntaxKind.QuestionQuestionToken) return true;
  return kind === ts.SyntaxKind.AmpersandAmpersandToken && child === node.right;
}

function isLiteral(node: ts.Node): node is ts.StringLiteralLike | ts.TemplateExpression {
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
}

/** The words of a literal, without what a template fills in. */
function wordsOf(node: ts.StringLiteralLike | ts.TemplateExpression): string {
  return ts.isTemplateExpression(node) ? node.head.text + node.templateSpans.map(({ literal }) => `{}${literal.text}`).join("") : node.text;
}

/** Whether a literal is a class, a selector, a drawing, what is compared, or the name of a property. */
function isName(node: ts.Node): boolean {
  for (let at = node.parent; at && !ts.isStatement(at); at = at.parent) {
    if (ts.isJsxAttribute(at) && !SEEN.has(at.name.getText()) && !isProperty(at)) return true;
    if (ts.isCallExpression(at) && /(?:querySelector|querySelectorAll|matchMedia|closest|RegExp|replaceAll|createTreeWalker)$/.test(at.expression.getText())) return true;
  }
  return false;
}

/** The sources in a folder and in those below it, but for the tables and the tests. */
function sources(folder: string): string[] {
  return readdirSync(new URL(folder, UI), { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return ["texts", "test"].includes(entry.name) ? [] : sources(`${folder}${entry.name}/`);
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith(".d.ts") ? [folder + entry.name] : [];
  });
}

test("no text stands outside the tables", () => {
  const found = [...sources("page/"), ...sources("widget/")].filter((path) => !NO_TEXTS.includes(path)).flatMap((path) => texts(path, readFileSync(new URL(path, UI), "utf8")));
  assert.deepEqual(found, []);
});

test("a text outside the tables is found wherever it is shown", () => {
  const shown = [
    "<p>Words</p>",
    "<p>{yes ? 'one' : t('two')}</p>",
    "<p>{yes && `${count} new`}</p>",
    "<button aria-label='close' />",
    "<input placeholder={yes ? 'a' : ''} />",
    "<Dialog title='keys' />",
    "box.title = 'Close';",
    "say('Two words');",
    "const NOTE = 'in two words';",
  ];
  for (const each of shown) assert.equal(texts("x.tsx", each).length, 1, each);
  const hidden = ["<p class={yes ? 'two words' : 'x'}>{t('hello')}</p>", "<path d='M10 4v12' />", "if (code === 'too_long') go();", "box.querySelector('.a .b')", "<Avatar id='x' state='ready' />"];
  for (const each of hidden) assert.deepEqual(texts("x.tsx", each), [], each);
});
