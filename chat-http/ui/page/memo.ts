/** Renders a component anew only when one of its properties is another one, or the page speaks another language. */
import { Component, h, type FunctionComponent } from "preact";
import { language } from "./language.ts";

export function memo<P extends object>(render: FunctionComponent<P>): FunctionComponent<P> {
  return class extends Component<P> {
    #spoken = language();

    override shouldComponentUpdate(next: P): boolean {
      if (this.#spoken !== language()) return true;
      const [now, then] = [this.props as Record<string, unknown>, next as Record<string, unknown>];
      for (const name in then) if (then[name] !== now[name]) return true;
      return false;
    }

    override render() {
      this.#spoken = language();
      return h(render, this.props as P);
    }
  } as unknown as FunctionComponent<P>;
}
