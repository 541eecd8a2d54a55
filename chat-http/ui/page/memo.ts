/** Renders a component anew only when one of its properties is another one. */
import { Component, h, type FunctionComponent } from "preact";

export function memo<P extends object>(render: FunctionComponent<P>): FunctionComponent<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const [now, then] = [this.props as Record<string, unknown>, next as Record<string, unknown>];
      for (const name in then) if (then[name] !== now[name]) return true;
      return false;
    }

    override render() {
      return h(render, this.props as P);
    }
  } as unknown as FunctionComponent<P>;
}
