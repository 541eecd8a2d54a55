/** A text with its marks, as elements. */
import type { ComponentChild } from "preact";
import { useCopying } from "../copy.ts";
import { Check, Copy } from "../icons.tsx";
import { t } from "../language.ts";
import { namedLink, pieces } from "../text.ts";
import { atSpots, unspotted, type Spot } from "./spots.ts";
import { withoutMarks, type Node } from "./tree.ts";

interface Props {
  nodes: readonly Node[];
  /** Whom the text mentions, in their order. */
  spots: readonly Spot[];
}

export function Marked({ nodes, spots }: Props) {
  return <>{nodes.map((node) => element(node, spots))}</>;
}

/** Words, and the addresses and mentions among them. */
function words(text: string, spots: readonly Spot[]): ComponentChild[] {
  return atSpots(text, spots).flatMap((part): ComponentChild[] => {
    if (typeof part !== "string") return [<Mention {...part} />];
    return pieces(part).map((piece) => (typeof piece === "string" ? piece : <Link href={piece.href}>{piece.text}</Link>));
  });
}

function Mention({ name, isMe }: Spot) {
  return <bdi class={isMe ? "mention to-me" : "mention"}>@{name}</bdi>;
}

function element(node: Node, spots: readonly Spot[]): ComponentChild {
  if (typeof node === "string") return words(node, spots);
  const inside = (nodes: readonly Node[]): ComponentChild => nodes.map((each) => element(each, spots));
  switch (node.kind) {
    case "strong":
      return <strong>{inside(node.children)}</strong>;
    case "em":
      return <em>{inside(node.children)}</em>;
    case "del":
      return <del>{inside(node.children)}</del>;
    case "quote":
      return <blockquote>{inside(node.children)}</blockquote>;
    case "code":
      return <code>{unspotted(node.text, spots)}</code>;
    case "block":
      return <CodeBlock text={unspotted(node.text, spots)} />;
    case "list": {
      const items = node.items.map(({ value, children }) => <li value={node.ordered ? value : undefined}>{inside(children)}</li>);
      return node.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
    }
    case "link":
      return <NamedLink {...node} spots={spots} />;
  }
}

/** A link with words of its own says where it leads, unless its words do. */
function NamedLink({ url, source, children, spots }: Extract<Node, { kind: "link" }> & { spots: readonly Spot[] }) {
  const said = unspotted(withoutMarks(children), spots);
  const link = namedLink(said, unspotted(url, spots));
  if (link === null || said.trim() === "") return <>{words(source, spots)}</>;
  return (
    <Link href={link.href} host={said.includes(link.host) ? undefined : link.host}>
      {children.map((child) => (typeof child === "string" ? unspotted(child, spots) : element(withoutLinks(child), spots)))}
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
