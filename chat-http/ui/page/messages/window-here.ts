/** How the windows about a message are shown: the page loads them later, the widget has them. */
import { createContext, type FunctionComponent } from "preact";
import type { Conversation } from "../conversation.ts";
import type { Item } from "../timeline.ts";
import type { MessageActions } from "./actions.ts";
import type { MessageAct } from "./acts.ts";

export type OpenWindow = { kind: "menu"; item: Item; anchor: DOMRect; near: HTMLElement } | { kind: "delete" | "edits" | "reacted" | "readers"; item: Item };

export interface MessageWindowProps {
  room: Conversation;
  actions: MessageActions;
  window: OpenWindow;
  /** What is offered. */
  acts: MessageAct[];
  onAct: (what: MessageAct, item: Item, near: HTMLElement) => void;
  onClose: () => void;
}

export const MessageWindowHere = createContext<FunctionComponent<MessageWindowProps>>(() => null);
