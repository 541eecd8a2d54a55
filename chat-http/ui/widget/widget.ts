/**
 * A room in any page:
 *
 *     <script src="https://chat.example/widget.js"></script>
 *     <chat-room room="1" username="Ada"></chat-room>
 *
 * Attributes: `room` (its id or its name), `username` (a guest's name; without it people are asked for one), `server`
 * (where the chat is; by default where this script came from). Property: `credentials`, a function that
 * gives `{ username }` or `{ token, user }`, or a promise of it, asked before every connection and request.
 * Event: `chat-unread`, with `detail.unread`, whenever that number changes. A guest who has said a name is asked no more.
 * With the attribute `launcher` it is a round button in the corner, which opens the room and says how much is unread; the
 * attribute `open` says whether it is open, and can be set and removed. Who has no name yet connects when they open it.
 * It speaks the language that the page around it says (`lang`), else the browser's, else English.
 * Style it with its size and the --chat-… properties (chat-http/ui/page/tokens.css).
 */
import { h, render, type ComponentChildren } from "preact";
import { codeOf, type Credentials, type RoomList } from "../page/api.ts";
import { filesAreAt } from "../page/files.ts";
import { renderOnceAFrame } from "../page/rendering.ts";
import { language, speak, t } from "../page/language.ts";
import { OpenRoom } from "../page/room.ts";
import { RoomFails } from "../page/roomview.tsx";
import { Session } from "../page/session.ts";
import { asName } from "../page/seen.ts";
import { remember, remembered } from "../page/storage.ts";
import { AskName, Problem, RoomFrame } from "./frame.tsx";
import { Launcher } from "./launcher.tsx";
import styles from "./widget.css";

export type WidgetCredentials = Credentials & {
  /** The user's id, when a token says who it is: it sets one's own messages apart. */
  user?: string;
};

/** A room that could not be looked for by its name is looked for again after this long. */
const AGAIN_MS = 3_000;

const script = document.currentScript as HTMLScriptElement | null;
const home = script?.src ? new URL("./", script.src) : new URL("./", document.baseURI);
filesAreAt(home);
let sheet: CSSStyleSheet | undefined;
let spoken: Promise<void> | undefined;

/** All rooms of a page speak one language: what the page says around the first of them, else the browser's. */
function speakAt(place: Element): Promise<void> {
  const around = place.closest("[lang]")?.getAttribute("lang") ?? "";
  return (spoken ??= speak([around, ...navigator.languages], home));
}

class ChatRoom extends HTMLElement {
  static readonly observedAttributes = ["room", "username", "server", "launcher", "open"];
  readonly #root = this.attachShadow({ mode: "open" });
  readonly #frame = document.createElement("div");
  #credentials: (() => WidgetCredentials | Promise<WidgetCredentials>) | undefined;
  #session: Session | undefined;
  #room: OpenRoom | undefined;
  /** What is shown of the room, or instead of it. */
  #content: ComponentChildren = null;
  /** Whether it waits for being opened. */
  #waits = false;
  #asked = 0;
  #unread = 0;
  #queued = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    // A constructed sheet needs no 'unsafe-inline' from the page around.
    if (sheet === undefined) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(styles);
    }
    this.#root.adoptedStyleSheets = [sheet];
    this.#frame.className = "frame";
    this.#root.append(this.#frame);
    // It may have been set before this script was there.
    if (Object.hasOwn(this, "credentials")) {
      const early = this.credentials;
      Reflect.deleteProperty(this, "credentials");
      this.credentials = early;
    }
  }

  get credentials(): (() => WidgetCredentials | Promise<WidgetCredentials>) | undefined {
    return this.#credentials;
  }

  set credentials(credentials: (() => WidgetCredentials | Promise<WidgetCredentials>) | undefined) {
    this.#credentials = credentials;
    this.#queue();
  }

  connectedCallback(): void {
    this.#queue();
  }

  disconnectedCallback(): void {
    this.#close();
    this.#content = null;
    render(null, this.#frame);
  }

  attributeChangedCallback(name: string): void {
    // Opening and closing changes nothing of the room.
    if (name === "open" && !this.#waits) this.#draw();
    else this.#queue();
  }

  /** Several changes at once open the room once. */
  #queue(): void {
    if (this.#queued) return;
    this.#queued = true;
    queueMicrotask(() => {
      this.#queued = false;
      if (this.isConnected) void this.#open();
    });
  }

  async #open(): Promise<void> {
    this.#close();
    const asked = this.#asked;
    await speakAt(this);
    if (asked !== this.#asked) return;
    this.#frame.lang = language().lang;
    this.#frame.dir = language().direction;
    this.#waits = this.#isClosed && !this.#knowsWho;
    if (this.#waits) return this.#show(null);
    const wanted = this.getAttribute("room")?.trim() ?? "";
    if (wanted === "") return this.#show(h(Problem, { text: t("widgetNoRoom") }));
    let who: WidgetCredentials;
    try {
      who = await this.#ask();
    } catch {
      return this.#show(h(Problem, { text: t("widgetNotSignedIn"), onRetry: () => this.#queue() }));
    }
    if (asked !== this.#asked) return;
    if (!who.username && !who.token) return this.#show(h(AskName, { onName: (name: string) => (remember("local", this.#nameKey(), name), this.#queue()) }));
    const session = new Session({ base: this.#base(), user: who.user ?? who.username?.trim().normalize("NFC") ?? "", credentials: () => this.#ask() });
    let id: number;
    try {
      id = await roomOf(session, wanted);
    } catch (error) {
      session.stop();
      if (asked === this.#asked) this.#fail(codeOf(error));
      return;
    }
    if (asked !== this.#asked) return session.stop();
    this.#session = session;
    const room = new OpenRoom(session, id);
    this.#room = room;
    room.watch(() => this.#tell(room.unseen));
    session.start();
    this.#show(h(RoomFrame, { key: asked, room: this.#room }));
  }

  /** The room could not be looked for, and is looked for again. */
  #fail(code: string): void {
    this.#timer = setTimeout(() => this.#queue(), AGAIN_MS);
    this.#show(h(RoomFails, { code, onRetry: () => this.#queue() }));
  }

  /** Whether only its button is there. */
  get #isClosed(): boolean {
    return this.hasAttribute("launcher") && !this.hasAttribute("open");
  }

  /** Whether nobody has to be asked for their name. */
  get #knowsWho(): boolean {
    return this.#credentials !== undefined || this.hasAttribute("username") || this.#rememberedName() !== "";
  }

  async #ask(): Promise<WidgetCredentials> {
    if (this.#credentials) return this.#credentials();
    return { username: this.getAttribute("username") ?? this.#rememberedName() };
  }

  /** Where the chat is. */
  #base(): URL {
    const base = new URL(this.getAttribute("server") ?? home.href, document.baseURI);
    if (!base.pathname.endsWith("/")) base.pathname += "/";
    return base;
  }

  #nameKey(): string {
    return `chat.widget.name.${this.#base().href}`;
  }

  /** The name that a guest has said here before. */
  #rememberedName(): string {
    const name = remembered<unknown>("local", this.#nameKey(), "");
    return typeof name === "string" ? (asName(name, 64) ?? "") : "";
  }

  /** Says to the page around how much is unread. */
  #tell(unread: number): void {
    if (unread === this.#unread) return;
    this.#unread = unread;
    this.#draw();
    this.dispatchEvent(new CustomEvent("chat-unread", { detail: { unread }, bubbles: true, composed: true }));
  }

  #show(content: ComponentChildren): void {
    this.#content = content;
    this.#draw();
  }

  #draw(): void {
    const isOpen = !this.#isClosed;
    const content = this.hasAttribute("launcher") ? h(Launcher, { isOpen, unread: this.#unread, onToggle: () => this.toggleAttribute("open") }, this.#content) : this.#content;
    render(content, this.#frame);
  }

  #close(): void {
    this.#asked += 1;
    clearTimeout(this.#timer);
    this.#room?.close();
    this.#session?.stop();
    this.#room = undefined;
    this.#session = undefined;
  }
}

/** The id of the room that an attribute names; 0, which no room has, if there is none of that name. */
async function roomOf(session: Session, wanted: string): Promise<number> {
  if (/^\d+$/.test(wanted)) return Number(wanted);
  const folded = fold(wanted);
  for (let after: string | null = ""; after !== null; ) {
    const page: RoomList = await session.api.rooms({ q: wanted, limit: 100, after });
    const found = page.rooms.find(({ name }) => fold(name) === folded);
    if (found) return found.id;
    after = page.next;
  }
  return 0;
}

function fold(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}

/** So it is a length, which is the same wherever it is asked for. Another script of the same page may have said so. */
function measureOnce(): void {
  try {
    CSS.registerProperty({ name: "--chat-rem", syntax: "<length>", inherits: true, initialValue: "16px" });
  } catch {
    // It is known already.
  }
}

measureOnce();
renderOnceAFrame();
if (!customElements.get("chat-room")) customElements.define("chat-room", ChatRoom);
