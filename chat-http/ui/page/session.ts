/** One person at this page: the connection, the messages on their way, the rooms, and how far they were read. */
import { ChatClient, type ConnectionState } from "../client/src/index.ts";
import { Api, type Credentials } from "./api.ts";
import { Drafts } from "./drafts.ts";
import { Kept } from "./kept/kept.ts";
import type { Store } from "./kept/store.ts";
import { Model } from "./model.ts";
import { Outbox } from "./outbox.ts";
import { ownerOf } from "./owner.ts";
import { ReadMarks } from "./read-marks.ts";

export interface SessionOptions {
  /** Where the site is mounted; it ends with a slash. */
  base: URL;
  /** Who this is to the others: the user's id, which is a guest's name. */
  user: string;
  /** The name that the others see; the id, if it is not given. */
  name?: string;
  credentials: () => Credentials | Promise<Credentials>;
  /** Where rooms are kept for the next visit; without one, they are kept for this one. */
  store?: Store;
}

/** How it stands with the connection, for everyone who shows it. */
export class Connection extends Model {
  state: ConnectionState = { status: "connecting", attempt: 0 };
  /** Whether it has ever been up. */
  wasOnline = false;

  become(state: ConnectionState): void {
    this.state = state;
    this.wasOnline ||= state.status === "online";
    this.changed();
  }

  get online(): boolean {
    return this.state.status === "online";
  }
}

export class Session {
  readonly user: string;
  /** Whose it is what this browser keeps of the chat. */
  readonly owner: string;
  name: string;
  readonly api: Api;
  readonly client: ChatClient;
  readonly connection = new Connection();
  readonly outbox: Outbox;
  readonly readMarks: ReadMarks;
  readonly drafts: Drafts;
  /** The rooms that were open, as they were then: they can be read while the server cannot be reached. */
  readonly kept: Kept;
  #wake: () => void = () => {};

  constructor({ base, user, name = user, credentials, store }: SessionOptions) {
    this.user = user;
    this.owner = ownerOf(base, user);
    this.name = name;
    const who = shared(credentials);
    this.api = new Api(base, who);
    this.client = new ChatClient({
      url: async () => socketUrl(base, await who()),
      // It goes in the first frame: addresses end up in logs.
      token: async () => (await who()).token ?? null,
      network: { subscribe: (wake, gone) => this.#subscribe(wake, gone), isSeen: () => document.visibilityState === "visible" },
    });
    this.client.onState((state) => this.connection.become(state));
    this.outbox = new Outbox(this.client, this.connection, user, this.owner);
    this.drafts = new Drafts(this.owner);
    this.readMarks = new ReadMarks(this.client);
    this.kept = new Kept(store ?? null, user);
  }

  start(): void {
    this.client.start();
    this.outbox.start();
  }

  stop(): void {
    this.readMarks.close();
    this.outbox.stop();
    this.drafts.close();
    this.kept.close();
    this.client.stop();
  }

  /** Does not wait for the next attempt. */
  tryNow(): void {
    if (this.connection.state.status === "waiting") this.#wake();
    else this.client.start();
  }

  /** The network or the page coming back is worth an attempt; so is a person who asks for one. */
  #subscribe(wake: () => void, gone: () => void): () => void {
    const visible = (): void => {
      if (document.visibilityState === "visible") wake();
    };
    this.#wake = wake;
    window.addEventListener("online", wake);
    window.addEventListener("offline", gone);
    window.addEventListener("pageshow", visible);
    document.addEventListener("visibilitychange", visible);
    return () => {
      this.#wake = () => {};
      window.removeEventListener("online", wake);
      window.removeEventListener("offline", gone);
      window.removeEventListener("pageshow", visible);
      document.removeEventListener("visibilitychange", visible);
    };
  }
}

function socketUrl(base: URL, { username }: Credentials): string {
  const url = new URL("ws/chat", base);
  if (username) url.searchParams.set("username", username);
  return url.href;
}

/** Whoever asks while an answer is under way gets that one. */
function shared<Answer>(ask: () => Answer | Promise<Answer>): () => Promise<Answer> {
  let answer: Promise<Answer> | undefined;
  return () => (answer ??= (async () => ask())().finally(() => (answer = undefined)));
}
