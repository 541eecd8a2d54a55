/**
 * The messages of a room or a thread. Only the rows near the window are on the page, so that a room of 100,000
 * messages scrolls like one of ten; what is being looked at stays where it is, whatever comes above or below.
 */
import { Component, createRef, type ComponentChildren } from "preact";
import { ArrowDown } from "./icons.tsx";
import { flush, hurry } from "./rendering.ts";
import type { MessageState } from "../client/src/index.ts";
import { Edges } from "./edges.ts";
import { t } from "./language.ts";
import type { ResizingEvent } from "./markup/body.tsx";
import type { MessageActions } from "./messages/actions.ts";
import type { MessageAct } from "./messages/acts.ts";
import type { Readers } from "./messages/receipts.ts";
import { look, type Item, type Timeline } from "./timeline.ts";
import type { Place, Target } from "./conversation.ts";
import { Row } from "./row.tsx";

interface Props {
  label: string;
  timeline: Timeline;
  drafts: Item[];
  me: string;
  readTo: number | null;
  /** How many messages were new on entering. */
  newCount: number;
  /** How many of others have not been seen. */
  unseen: number;
  /** What was being looked at when the list was here before. */
  place: Place | null;
  /** The message to go to, and to mark. */
  target: Target | null;
  actions: MessageActions;
  /** The message that another one answers, if it is known. */
  original: (seq: number) => MessageState | null | undefined;
  /** What stands above the first message. */
  top: ComponentChildren;
  /** Goes up with everything that changes the rows. */
  version: number;
  onNearTop: () => void;
  onNearEnd: () => void;
  /** Loads the newest messages. */
  onToEnd: () => Promise<void>;
  onPlace: (place: Place | null) => void;
  onSeen: (seq: number) => void;
  onRetry: (id: string) => void;
  onDiscard: (id: string) => void;
  onGo: (seq: number) => void;
  onMenu: (item: Item, near: HTMLElement) => void;
  onAct: (act: MessageAct, item: Item, near: HTMLElement) => void;
  onEscape: () => void;
  /** Who is shown to have read which of one's own messages. */
  readers: Readers;
  /** Whether it is a room of two. */
  isDirect: boolean;
  onReaders: (item: Item) => void;
  /** Opens the thread of a message; in a thread there is none. */
  onThread?: (root: number) => void;
  /** Where the list puts itself, for those who tell it to go somewhere. */
  handle: { current: MessageList | null };
}

interface State {
  start: number;
  end: number;
  atEnd: boolean;
  /** How many rows there were when it was drawn last. */
  count: number;
}

/** The row that stays where it is, by how far its lower edge is from the window's upper. */
interface Anchor {
  item: Item;
  bottom: number;
  /** How far the window was scrolled then. */
  at: number;
}

/** So far beyond the window rows are kept, and older messages asked for. */
const MARGIN = 800;
const NEAR_END = 48;
/** So many rows that come at once are drawn before it is known where they are. */
const FEW = 50;

/** Whether a thread stands in front of it. */
function isCovered(pane: HTMLElement): boolean {
  return getComputedStyle(pane).visibility === "hidden";
}

export class MessageList extends Component<Props, State> {
  override state: State = { start: 0, end: 0, atEnd: true, count: 0 };
  readonly #window = createRef<HTMLDivElement>();
  readonly #top = createRef<HTMLDivElement>();
  readonly #above = createRef<HTMLDivElement>();
  readonly #rows = createRef<HTMLDivElement>();
  readonly #under = createRef<HTMLDivElement>();
  readonly #edges = new Edges();
  /** Which moves of the timeline's items it knows of. */
  #moves = 0;
  #anchor: Anchor | null = null;
  #stick = true;
  /** Where the window was when it was put at the end last. */
  #heldAt = 0;
  #placed = false;
  /** The message that was to be gone to last, and whether it has the focus still to come. */
  #target: Target | null = null;
  #toFocus: number | null = null;
  #lastDraft: string | undefined;
  #width = 0;
  #resize: ResizeObserver | undefined;

  /** At the end, what comes is drawn at once; elsewhere it is chosen when its place is known. */
  static override getDerivedStateFromProps({ timeline, drafts }: Props, { end, atEnd, count: before }: State): Partial<State> {
    const count = timeline.items.length + drafts.length;
    const follows = atEnd && end === before && count > before && count <= before + FEW;
    return follows ? { count, end: count } : { count };
  }

  override componentDidMount(): void {
    this.props.handle.current = this;
    // Before the first guess of heights.
    this.#width = this.#window.current?.clientWidth ?? 0;
    this.#resize = new ResizeObserver(() => this.#resized());
    if (this.#window.current) this.#resize.observe(this.#window.current);
    if (this.#rows.current) this.#resize.observe(this.#rows.current);
    document.addEventListener("visibilitychange", this.#see);
    window.addEventListener("focus", this.#see);
    this.#rows.current?.addEventListener("resizing", (event) => this.#keepEdge(event as ResizingEvent));
    this.#layout();
  }

  override componentWillUnmount(): void {
    this.#resize?.disconnect();
    document.removeEventListener("visibilitychange", this.#see);
    window.removeEventListener("focus", this.#see);
  }

  override componentDidUpdate(before: Props): void {
    if (before.timeline !== this.props.timeline) this.#placed = false;
    if (before.version !== this.props.version || before.timeline !== this.props.timeline) this.#arrived();
    this.#layout();
  }

  /** Goes to the newest message, and stays there. */
  toEnd(): void {
    const pane = this.#window.current;
    if (!pane) return;
    if (this.props.timeline.hasAfter) {
      void this.props.onToEnd().then(() => this.#jump());
      return;
    }
    const far = this.#left(pane);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (far > 0 && far < pane.clientHeight * 2 && !calm) {
      pane.scrollTo({ top: pane.scrollHeight, behavior: "smooth" });
      return;
    }
    this.#jump();
  }

  #jump(): void {
    this.#follow(!this.props.timeline.hasAfter);
    this.#layout();
    this.setState({ atEnd: this.#stick });
    if (this.#stick) this.props.onPlace(null);
  }

  #count(): number {
    return this.props.timeline.items.length + this.props.drafts.length;
  }

  #item(index: number): Item | undefined {
    const { timeline, drafts } = this.props;
    return timeline.items[index] ?? drafts[index - timeline.items.length];
  }

  /** One's own message is always gone to. */
  #arrived(): void {
    const { timeline, drafts } = this.props;
    const draft = drafts.at(-1)?.id;
    const isNew = draft !== undefined && draft !== this.#lastDraft && this.#placed;
    this.#lastDraft = draft;
    if (!isNew) return;
    if (timeline.hasAfter) this.toEnd();
    else this.#follow(true);
  }

  /** Whether the window stays at the end from now on, wherever it is. */
  #follow(stick: boolean): void {
    this.#stick = stick;
    this.#heldAt = 0;
  }

  /** Measures what is there, puts the window where it belongs, and asks for the rows that are missing. */
  #layout(): void {
    const [pane, above, under] = [this.#window.current, this.#above.current, this.#under.current];
    if (!pane || !above || !under) return;
    const at = pane.scrollTop;
    if (this.#hasLeft(pane)) this.#note(pane);
    this.#measure();
    const { start, end } = this.state;
    const total = this.#edges.of(this.#count());
    above.style.height = `${this.#edges.of(start)}px`;
    under.style.height = `${Math.max(0, total - this.#edges.of(end))}px`;
    if (!this.#placed && this.#count() > 0) this.#place(pane, at);
    this.#goToTarget(pane, at);
    this.#hold(pane, at);
    this.#choose(pane);
    this.#takeFocus();
    this.#see();
  }

  /** Takes the heights of the rows that are there, and sums them up from the first that is another. */
  #measure(): void {
    const { timeline } = this.props;
    // Rows on their way come and go: they are always summed up anew.
    let from = Math.min(timeline.takeTouched(), timeline.items.length, this.#edges.count);
    let index = this.state.start;
    for (const row of this.#rows.current?.children ?? []) {
      const item = this.#item(index);
      const { height } = row.getBoundingClientRect();
      if (item && item.id === (row as HTMLElement).dataset["id"] && item.height !== height) {
        item.height = height;
        from = Math.min(from, index);
      }
      index += 1;
    }
    this.#edges.sum(from, this.#count(), (at) => this.#height(this.#item(at) as Item));
    this.#moves = timeline.moves;
  }

  #height(item: Item): number {
    return item.height || (item.guess ||= this.#guess(item));
  }

  /** About how high a row will be. */
  #guess(item: Item): number {
    const perLine = Math.max(20, Math.min(this.#width * 0.7, 560) / 7.6);
    let lines = 0;
    for (let from = 0; from <= item.text.length; ) {
      const end = item.text.indexOf("\n", from);
      const length = (end < 0 ? item.text.length : end) - from;
      lines += Math.max(1, Math.ceil(length / perLine));
      if (end < 0) break;
      from = end + 1;
    }
    return 30 + lines * 22;
  }

  /** On entering: where one was, else at the first unread message if it would be out of sight, else at the end. */
  #place(pane: HTMLElement, at: number): void {
    this.#placed = true;
    const { readTo, timeline, place } = this.props;
    const seq = place?.seq ?? (readTo === null ? null : readTo + 1);
    if (seq === null) return;
    const first = timeline.indexOf(seq);
    const height = this.#edges.of(this.#count()) - this.#edges.of(first);
    const item = timeline.items[first];
    if (!item || (height < pane.clientHeight - 120 && !timeline.hasAfter && place === null)) return;
    this.#stick = false;
    this.#anchor = { item, bottom: place?.bottom ?? 96 + (item.height || item.guess), at };
    this.setState({ atEnd: false });
  }

  /** Goes to the message that a link leads to, as soon as it is loaded. */
  #goToTarget(pane: HTMLElement, at: number): void {
    const { target, timeline } = this.props;
    const item = target && timeline.get(target.seq);
    if (!item || target === this.#target) return;
    this.#target = target;
    if (target.bottom === null) return this.#follow(true);
    this.#stick = false;
    this.#anchor = { item, bottom: target.bottom ?? (pane.clientHeight + (item.height || item.guess)) / 2, at };
    if (target.bottom === undefined) this.#toFocus = item.seq;
    this.setState({ atEnd: false });
  }

  /** The message that was gone to has the focus once it is there. */
  #takeFocus(): void {
    const row = this.#toFocus !== null && this.#rows.current?.querySelector<HTMLElement>(`[data-seq="${this.#toFocus}"]`);
    if (!row) return;
    this.#toFocus = null;
    row.focus({ preventScroll: true });
  }

  /** Puts the focus on a message, if it is in sight. */
  focus(seq: number): void {
    this.#toFocus = seq;
    this.#takeFocus();
  }

  /** Keeps the window at the end, or at its anchor, plus what was scrolled since that was noted. */
  #hold(pane: HTMLElement, at: number): void {
    if (this.#stick) {
      const end = pane.scrollHeight - pane.clientHeight;
      if (end - pane.scrollTop >= 1) pane.scrollTop = end;
      this.#heldAt = pane.scrollTop;
      return;
    }
    const index = this.#anchor ? this.#indexOf(this.#anchor.item) : -1;
    if (!this.#anchor || index < 0) return;
    this.#anchor.bottom -= at - this.#anchor.at;
    const wanted = this.#listTop() + this.#edges.of(index + 1) - this.#anchor.bottom;
    if (Math.abs(wanted - pane.scrollTop) >= 1) pane.scrollTop = wanted;
    this.#anchor.at = pane.scrollTop;
  }

  #indexOf(item: Item): number {
    const { timeline, drafts } = this.props;
    if (item.seq === 0) {
      const place = drafts.findIndex(({ id }) => id === item.id);
      return place < 0 ? -1 : timeline.items.length + place;
    }
    const place = timeline.indexOf(item.seq);
    return timeline.items[place]?.seq === item.seq ? place : -1;
  }

  #listTop(): number {
    return this.#top.current?.offsetHeight ?? 0;
  }

  /** Which rows should be there. */
  #choose(pane: HTMLElement): void {
    const y = pane.scrollTop - this.#listTop();
    const count = this.#count();
    const [first, last] = [this.#edges.at(y - MARGIN), Math.min(count, this.#edges.at(y + pane.clientHeight + MARGIN) + 1)];
    const { start, end } = this.state;
    // Some slack, so that not every step of scrolling changes the rows.
    const fits = start <= this.#edges.at(y - MARGIN / 2) && end >= Math.min(count, this.#edges.at(y + pane.clientHeight + MARGIN / 2) + 1) && end <= count;
    const tooMany = end - start > (last - first) * 2 + 20;
    if (fits && !tooMany) return;
    this.#leaveFocus(first, last);
    this.setState({ start: first, end: last });
  }

  /** A focused row that goes out of the page hands the focus to the list. */
  #leaveFocus(first: number, last: number): void {
    const index = this.#focused();
    if (index >= 0 && (index < first || index >= last)) this.#window.current?.focus({ preventScroll: true });
  }

  /** A row takes another height because somebody wants to see more or less of it: one of its edges stays where it is. */
  #keepEdge(event: ResizingEvent): void {
    const pane = this.#window.current;
    const row = (event.target as Element).closest("[data-id]");
    const place = row ? [...(this.#rows.current?.children ?? [])].indexOf(row) : -1;
    if (!pane || place < 0) return;
    const index = this.state.start + place - (event.detail === "upper" ? 1 : 0);
    const item = this.#item(index);
    const y = pane.scrollTop - this.#listTop();
    this.#anchor = item ? { item, bottom: this.#edges.of(index + 1) - y, at: pane.scrollTop } : null;
    if (event.detail === "lower") return;
    this.#stick = false;
    this.setState({ atEnd: false });
  }

  #focused(): number {
    const root = this.#rows.current?.getRootNode() as Document | ShadowRoot | undefined;
    const row = root?.activeElement?.closest<HTMLElement>("[data-id]");
    const place = row && this.#rows.current?.contains(row) ? [...this.#rows.current.children].indexOf(row) : -1;
    return place < 0 ? -1 : this.state.start + place;
  }

  readonly #scrolled = (): void => {
    const pane = this.#window.current;
    if (!pane || !this.#placed) return;
    this.#catchUp();
    this.#note(pane);
    if (!this.#stick) hurry();
    if (this.#stick !== this.state.atEnd) this.setState({ atEnd: this.#stick });
    this.props.onPlace(this.#anchor && !this.#stick && this.#anchor.item.seq > 0 ? { seq: this.#anchor.item.seq, bottom: this.#anchor.bottom } : null);
    this.#choose(pane);
    this.#see();
    if (pane.scrollTop - this.#listTop() < MARGIN * 1.5) this.props.onNearTop();
    if (this.props.timeline.hasAfter && this.#left(pane) < MARGIN * 1.5) this.props.onNearEnd();
  };

  /** How far it is to the end. */
  #left(pane: HTMLElement): number {
    return pane.scrollHeight - pane.clientHeight - pane.scrollTop;
  }

  /** Notes where somebody has scrolled to. */
  #note(pane: HTMLElement): void {
    this.#follow(this.#left(pane) <= NEAR_END && !this.props.timeline.hasAfter);
    const y = pane.scrollTop - this.#listTop();
    const index = Math.min(this.#edges.toKeep(y, pane.clientHeight, this.state), this.#count() - 1);
    const item = this.#item(index);
    this.#anchor = item ? { item, bottom: this.#edges.of(index + 1) - y, at: pane.scrollTop } : null;
  }

  /** Whether somebody has scrolled away from the end, which the browser tells with the next frame only. */
  #hasLeft(pane: HTMLElement): boolean {
    const isUp = pane.scrollTop < this.#heldAt - NEAR_END && this.#left(pane) > NEAR_END;
    return this.#stick && isUp && this.props.timeline.moves === this.#moves;
  }

  /** The rows are where the timeline has them, before anything is said of them. */
  #catchUp(): void {
    if (this.props.timeline.moves !== this.#moves) flush();
  }

  #resized(): void {
    this.#catchUp();
    const width = this.#window.current?.clientWidth ?? 0;
    if (this.#width !== width) {
      // Heights of rows out of sight are guesses again.
      for (const item of this.props.timeline.items) item.height = item.guess = 0;
      this.#edges.forget();
      this.#width = width;
    }
    this.#layout();
    this.#fill();
  }

  /** A window that is not full has its top in sight. */
  #fill(): void {
    const pane = this.#window.current;
    if (!pane || !this.#placed || pane.scrollHeight > pane.clientHeight + MARGIN) return;
    this.props.onNearTop();
    if (this.props.timeline.hasAfter) this.props.onNearEnd();
  }

  /** Tells which message was seen last, if somebody looks. */
  readonly #see = (): void => {
    const pane = this.#window.current;
    if (!pane || document.visibilityState !== "visible" || !document.hasFocus() || !this.#placed || isCovered(pane)) return;
    const y = pane.scrollTop - this.#listTop() + pane.clientHeight;
    const { items } = this.props.timeline;
    const last = this.#edges.lastDrawn(y - 8, pane.clientHeight, this.state);
    const item = last === null ? undefined : items[Math.min(last, items.length - 1)];
    if (item) this.props.onSeen(item.seq);
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      const focused = this.#focused();
      if (focused < 0 && event.key === "ArrowDown") return;
      const next = focused < 0 ? this.#lastVisible() : focused + (event.key === "ArrowUp" ? -1 : 1);
      if (this.#focus(next)) event.preventDefault();
    } else if (event.key === "End") {
      this.toEnd();
      event.preventDefault();
    } else if (event.key === "Escape") {
      this.props.onEscape();
    }
  };

  /** Goes to the last message that can be seen: the way into the list. */
  focusLast(): void {
    this.#focus(this.#lastVisible());
  }

  #lastVisible(): number {
    const pane = this.#window.current;
    if (!pane) return -1;
    return Math.min(this.#edges.at(pane.scrollTop - this.#listTop() + pane.clientHeight - 40), this.#count() - 1);
  }

  #focus(index: number): boolean {
    const row = this.#rows.current?.children[index - this.state.start] as HTMLElement | undefined;
    if (!row || index < 0) return false;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    return true;
  }

  override render(props: Props, { start, end, atEnd, count }: State) {
    const { label, unseen, top } = props;
    const rows = [];
    for (let index = Math.min(start, count); index < Math.min(end, count); index++) rows.push(this.#row(this.#item(index) as Item, index));
    return (
      <div class="list-frame">
        <div class="list" ref={this.#window} role="log" aria-live="off" aria-label={label} tabIndex={0} onScroll={this.#scrolled} onKeyDown={this.#onKey}>
          <div class="list-inner">
            <div ref={this.#top}>{top}</div>
            <div ref={this.#above} />
            <div class="rows" ref={this.#rows}>
              {rows}
            </div>
            <div ref={this.#under} />
          </div>
        </div>
        {!atEnd && (
          <button type="button" class={unseen > 0 ? "jump jump-new" : "jump"} onClick={() => this.toEnd()}>
            {unseen > 0 ? <span>{t("newMessages", { count: unseen })}</span> : <span class="sr-only">{t("toNewest")}</span>}
            <ArrowDown />
          </button>
        )}
      </div>
    );
  }

  #row(item: Item, index: number) {
    const { timeline, me, readTo, newCount, target, actions, original, onRetry, onDiscard, onGo, onMenu, onAct, onThread, readers, isDirect, onReaders } = this.props;
    // What is above the first that is loaded is not known.
    const seen = look(item, this.#item(index - 1), this.#item(index + 1), index === 0 && timeline.hasBefore ? null : readTo);
    const { editing, refused } = actions;
    const { thread_count: answers = 0, thread_last: last } = item.message ?? {};
    const isRoot = !onThread && item.kind === "message" && item.fields.thread === undefined;
    return (
      <Row
        key={item.id}
        item={item}
        own={item.user === me}
        {...seen}
        newCount={seen.unread ? newCount : 0}
        state={item.kind}
        failed={item.failed}
        marked={item.seq > 0 && item.seq === target?.seq && target.bottom === undefined}
        answered={item.fields.reply_to === undefined ? undefined : original(item.fields.reply_to)}
        editing={item.seq > 0 && editing?.seq === item.seq ? editing : null}
        answers={answers}
        isRoot={isRoot}
        lastAnswer={onThread && answers > 0 && last !== undefined ? original(last)?.timestamp : undefined}
        refused={item.seq > 0 && refused?.seq === item.seq ? refused.code : ""}
        readBy={readers.get(item.seq)}
        today={new Date().toDateString()}
        {...{ actions, onRetry, onDiscard, onGo, onMenu, onAct, onThread, isDirect, onReaders }}
      />
    );
  }
}
