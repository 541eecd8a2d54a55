/** A text with its marks, as elements. */
import type { ComponentChild } from "preact";
import { useCopying } from "../copy.ts";
import { Check, Copy } from "../icons.tsx";
import { t } from "../language.ts";
import { namedLink, pieces } from "../text.ts";
import { withoutMarks, type Node } from "./tree.ts";

export function Marked({ nodes }: { nodes: readonly Node[] }) {
  return <>{nodes.map(element)}</>;
}

/** Words, and the addresses among them as links. */
export function words(text: string): ComponentChild[] {
  return pieces(text).map((piece) => (typeof piece === "string" ? piece : <Link href={piece.href}>{piece.text}</Link>));
}

function element(node: Node): ComponentChild {
  if (typeof node === "string") return words(node);
  switch (node.kind) {
    case "strong":
      return <strong>{node.children.map(element)}</strong>;
    case "em":
      return <em>{node.children.map(element)}</em>;
    case "del":
      return <del>{node.children.map(element)}</del>;
    case "quote":
      return <blockquote>{node.children.map(element)}</blockquote>;
    case "code":
      return <code>{node.text}</code>;
    case "block":
      return <CodeBlock text={node.text} />;
    case "list": {
      const items = node.items.map(({ value, children }) => <li value={node.ordered ? value : undefined}>{children.map(element)}</li>);
      return node.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
    }
    case "link":
      return <NamedLink {...node} />;
  }
}

/** A link with words of its own says where it leads, unless its words do. */
function NamedLink({ url, source, children }: Extract<Node, { kind: "link" }>) {
  const said = withoutMarks(children);
  const link = namedLink(said, url);
  if (link === null || said.trim() === "") return <>{words(source)}</>;
  return (
    <Link href={link.href} host={said.includes(link.host) ? undefined : link.host}>
      {children.map((child) => (typeof child === "string" ? child : element(withoutLinks(child))))}
    </Link>
  );
}

/** There are no links in links. */
function withoutLinks(node: Node): Node {
  if (typeof node === "string" || !("children" in node)) return node;
  return node.kind === "link" ? node.source : { ...node, children: [withoutMarks(node.children)] };
}

function Link({ href, host, children }: { href: string; host?: string | undefined; children: ComponentChild }) {
  return (
    <a href={href} data-host={host} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

function CodeBlock({ text }: { text: string }) {
  const { copied, copy } = useCopying(text);
  return (
    <div class="code" dir="ltr">
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
      <button type="button" class="icon-button" title={t("copy")} aria-label={copied ? t("copied") : t("copyCode")} onClick={copy}>
        {copied ? <Check /> : <Copy />}
      </button>
    </div>
  );
}
