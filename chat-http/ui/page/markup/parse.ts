/**
 * Finds the marks in a text: emphasis, code, quotes, lists and links. It is a file of its own (`markup.js`), which is loaded
 * when there is a text that may have some.
 *
 * Whatever is no mark stays as it was written: every space and line break, HTML, headings, tables, references, escapes.
 */
import type { Nodes, Parents } from "mdast";
import { fromMarkdown, type CompileContext, type Extension, type Options, type Token } from "mdast-util-from-markdown";
import { gfmStrikethroughFromMarkdown } from "mdast-util-gfm-strikethrough";
import { gfmAutolinkLiteral } from "micromark-extension-gfm-autolink-literal";
import { gfmStrikethrough } from "micromark-extension-gfm-strikethrough";
import type { Construct, Extension as Syntax } from "micromark-util-types";
import { isBlock, LONGEST, type Node } from "./tree.ts";

/** So deep marks may stand in each other. */
const DEEPEST = 12;
/** A line that opens more quotes and lists than that at once, or one that deep. */
const STAIRS = /^[ \t]*(?:(?:>|[-*+]|\d{1,9}[.)])[ \t]*){9}|^[ \t]{24,}(?:>|[-*+] |\d{1,9}[.)] )/m;
/** So many marks are looked at. The time that a text takes grows faster than their number. */
const MOST_MARKS = 400;
const MARK = /([*_~`])\1*|[[\]\\\n]|^[ \t]*(?:[>*+-]|\d{1,9}[.)])/gm;
/** In a block of code nothing is a mark. */
const CODE = /^```[^`\n]*\n[^]*?^```[ \t]*$/gm;

/** The tree of a text; null where it is none that people write. */
export function parse(text: string): Node[] | null {
  if (text.length > LONGEST) return null;
  const looked = text.replace(CODE, "");
  if (STAIRS.test(looked) || (looked.match(MARK)?.length ?? 0) > MOST_MARKS) return null;
  const { children } = fromMarkdown(text, OPTIONS);
  try {
    return blocks(children, { text, depth: 0 });
  } catch (error) {
    if (error === TOO_DEEP) return null;
    throw error;
  }
}

interface Place {
  text: string;
  depth: number;
  /** Whether the lines begin with the marks of a quote or a list. */
  inside?: boolean;
}

const TOO_DEEP = new Error();

function deeper(place: Place, inside = place.inside ?? false): Place {
  if (place.depth >= DEEPEST) throw TOO_DEEP;
  return { text: place.text, depth: place.depth + 1, inside };
}

/** Blocks, with the empty lines that stand between them. */
function blocks(nodes: readonly Nodes[], place: Place): Node[] {
  const found: Node[] = [];
  let end = place.inside ? startOf(nodes[0]) : 0;
  for (const node of nodes) {
    found.push(...gap(end, startOf(node), place), ...block(node, place));
    end = endOf(node);
  }
  if (!place.inside) found.push(place.text.slice(end));
  return trimmed(joined(found));
}

/** What stands between two blocks: in a quote or a list only the breaks, since the rest are its marks. */
function gap(from: number, to: number, { text, inside }: Place): string[] {
  const between = text.slice(from, to);
  return [inside ? between.replace(/[^\n]/g, "") : between];
}

function block(node: Nodes, place: Place): Node[] {
  if (node.type === "paragraph") return inline(node, place);
  if (node.type === "code") return [{ kind: "block", text: node.value }];
  if (node.type === "blockquote" && /[\s>]/.test(place.text[startOf(node) + 1] ?? "")) {
    return [{ kind: "quote", children: blocks(node.children, deeper(place, true)) }];
  }
  // Where an entry begins with nothing, or with another list, it is a dash, or a line of them.
  if (node.type === "list" && node.children.every(({ children: [first] }) => first && first.type !== "list")) {
    const items = node.children.map((item) => ({
      value: Number.parseInt(place.text.slice(startOf(item)), 10) || 0,
      children: blocks(item.children, deeper(place, true)),
    }));
    return [{ kind: "list", ordered: node.ordered === true, items }];
  }
  return [source(node, place)];
}

function inline(parent: Parents, place: Place): Node[] {
  return joined(parent.children.flatMap((node) => phrase(node, place)));
}

function phrase(node: Nodes, place: Place): Node[] {
  switch (node.type) {
    case "text":
      return [node.value];
    case "strong":
    case "delete":
    case "emphasis": {
      // Programmers have names like `__init__`.
      if (place.text.startsWith("__", startOf(node))) return ["__", ...inline(node, deeper(place)), "__"];
      const kind = ({ strong: "strong", delete: "del", emphasis: "em" } as const)[node.type];
      return [{ kind, children: inline(node, deeper(place)) }];
    }
    case "inlineCode":
      return [{ kind: "code", text: node.value }];
    case "link":
      return [{ kind: "link", url: node.url, source: source(node, place), children: inline(node, deeper(place)) }];
    default:
      return [source(node, place)];
  }
}

function source(node: Nodes, { text }: Place): string {
  return text.slice(startOf(node), endOf(node));
}

function startOf(node: Nodes | undefined): number {
  return node?.position?.start.offset ?? 0;
}

function endOf(node: Nodes): number {
  return node.position?.end.offset ?? 0;
}

/** Texts that follow each other are one. */
function joined(nodes: readonly Node[]): Node[] {
  const found: Node[] = [];
  for (const node of nodes) {
    const last = found.at(-1);
    if (typeof node === "string" && typeof last === "string") found[found.length - 1] = last + node;
    else if (node !== "") found.push(node);
  }
  return found;
}

/** What has lines of its own has the break before it and the one behind, too. */
function trimmed(nodes: readonly Node[]): Node[] {
  const cut = nodes.map((node, at) => {
    if (typeof node !== "string") return node;
    const before = isBlock(nodes[at - 1]) ? node.replace(/^[ \t]*\n/, "") : node;
    return isBlock(nodes[at + 1]) ? before.replace(/\n?[ \t]*$/, "") : before;
  });
  return joined(cut);
}

/** A line without the mark of a quote or a list is not in it: an answer stands right below what it quotes. */
const noLazyLines: Construct = {
  name: "noLazyLines",
  tokenize(_effects, ok, nok) {
    return (code) => (this.interrupt && this.parser.lazy[this.now().line] ? ok(code) : nok(code));
  },
};

/** What Markdown has besides, and texts have for other reasons. */
const OFF = [
  ...["autolink", "characterReference", "codeIndented", "definition", "hardBreakEscape", "headingAtx"],
  ...["htmlFlow", "htmlText", "setextUnderline", "thematicBreak"],
];
/** Web addresses alone, so that no mark is found in them. What is an address of mail is seen later, and would be looked for at every word. */
const addresses: Syntax = {
  text: Object.fromEntries(Object.entries(gfmAutolinkLiteral().text ?? {}).flatMap(([code, constructs]) => (Array.isArray(constructs) ? [[code, constructs.filter(({ name }) => name !== "emailAutolink")]] : []))),
};
const syntax: Syntax = { disable: { null: OFF }, flow: { null: noLazyLines } };

/** Spaces and escapes are a part of the text. */
const asWritten: Extension = {
  enter: { characterEscape: ignore, hardBreakTrailing: ignore },
  exit: { ...Object.fromEntries(["characterEscape", "hardBreakTrailing", "linePrefix", "lineSuffix", "literalAutolink"].map((name) => [name, addText])), characterEscapeValue: ignore },
};

/** Adds what a token stands for to the words of a paragraph. */
function addText(this: CompileContext, token: Token): undefined {
  const parent = this.stack.at(-1);
  if (!parent || !("children" in parent) || !PHRASING.has(parent.type)) return;
  this.config.enter["data"]?.call(this, token);
  this.config.exit["data"]?.call(this, token);
}

function ignore(): undefined {}

const PHRASING = new Set(["paragraph", "strong", "emphasis", "delete", "fragment"]);

const OPTIONS: Options = {
  extensions: [syntax, gfmStrikethrough({ singleTilde: false }), addresses],
  mdastExtensions: [gfmStrikethroughFromMarkdown(), asWritten],
};
