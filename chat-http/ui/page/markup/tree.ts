/** What a text with marks is taken for: a small part of Markdown, as a tree. All else is text, as it was written. */

export type Node =
  | string
  | { kind: "strong" | "em" | "del" | "quote"; children: Node[] }
  | { kind: "code" | "block"; text: string }
  | { kind: "link"; url: string; source: string; children: Node[] }
  | { kind: "list"; ordered: boolean; items: { value: number; children: Node[] }[] };

/** What the parser's file offers. */
export interface Parser {
  /** The tree of a text; null where it is nested too deeply, or longer than it is worth. */
  parse(text: string): Node[] | null;
}

/** Longer texts are not looked at. No message of this page is that long, but other programs may send it. */
export const LONGEST = 8_000;

const MARKS = /[*_`[]|~~|^[ \t]*(?:>|[-+] |\d{1,9}[.)] )/m;

/** Whether there is anything in a text that may be a mark: most have none, and need no parser. */
export function mayHaveMarks(text: string): boolean {
  return text.length <= LONGEST && MARKS.test(text);
}

/** The text without its marks; what has lines of its own on the page has them here. */
export function withoutMarks(nodes: readonly Node[]): string {
  return nodes.map((node, at) => (at > 0 && (isBlock(node) || isBlock(nodes[at - 1])) ? "\n" : "") + plain(node)).join("");
}

/** A quote, a list and a block of code have lines of their own. */
export function isBlock(node: Node | undefined): boolean {
  return typeof node === "object" && ["quote", "list", "block"].includes(node.kind);
}

function plain(node: Node): string {
  if (typeof node === "string") return node;
  if ("text" in node) return node.text;
  if (node.kind === "list") return node.items.map(({ children }) => withoutMarks(children)).join("\n");
  return withoutMarks(node.children);
}
