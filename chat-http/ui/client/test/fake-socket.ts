/** Sockets whose other end is the test itself. */

import type { Command } from "../src/protocol.ts";
import type { WebSocketConstructor, WebSocketLike } from "../src/platform.ts";
import { ChatClient, type ClientOptions, type ConnectionState } from "../src/index.ts";
import { FakeClock, FakeNetwork, settle } from "./fake-clock.ts";

export class FakeSocket implements WebSocketLike {
  onopen: ((event: unknown) => void) | null = null;
  onmessage: ((event: unknown) => void) | null = null;
  onclose: ((event: unknown) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  readonly url: string;
  readonly sent: Command[] = [];
  closed = false;

  constructor(url: string) {
    this.url = url;
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data) as Command);
  }

  close(): void {
    this.closed = true;
  }

  /** The commands of one type, in the order they were sent. */
  of<T extends Command["type"]>(type: T): Extract<Command, { type: T }>[] {
    return this.sent.filter((command): command is Extract<Command, { type: T }> => command.type === type);
  }

  /** The server accepts and answers the first ping. */
  accept(): void {
    this.onopen?.({});
    this.frame({ type: "pong" });
  }

  frame(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** The server ends the connection. */
  end(code: number, reason = ""): void {
    this.onclose?.({ code, reason });
  }
}

/** A client on a fake clock, with every socket it has opened. */
export class Bench {
  readonly clock = new FakeClock();
  readonly network = new FakeNetwork();
  readonly sockets: FakeSocket[] = [];
  readonly states: ConnectionState[] = [];
  readonly client: ChatClient;

  constructor(options: Partial<ClientOptions> = {}) {
    const { sockets } = this;
    class Socket extends FakeSocket {
      constructor(url: string) {
        super(url);
        sockets.push(this);
      }
    }
    this.client = new ChatClient({
      url: "ws://chat.example/ws/chat?username=Alice",
      WebSocket: Socket satisfies WebSocketConstructor,
      clock: this.clock,
      network: this.network,
      fetch: null,
      random: () => 0.5,
      ...options,
    });
    this.client.onState((state) => this.states.push(state));
  }

  /** The newest socket. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("no socket was opened");
    return socket;
  }

  /** Starts the client and accepts its first socket. */
  async online(): Promise<FakeSocket> {
    this.client.start();
    await settle();
    this.socket.accept();
    return this.socket;
  }
}
