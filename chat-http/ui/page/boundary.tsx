/** Where something in the page is broken, it says so and offers a way on, rather than staying empty. */
import { Component, type ComponentChildren } from "preact";
import { t } from "./language.ts";

export class Boundary extends Component<{ children: ComponentChildren }, { isBroken: boolean }> {
  override state = { isBroken: false };

  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ isBroken: true });
  }

  override render() {
    if (!this.state.isBroken) return this.props.children;
    return (
      <main class="welcome">
        <div class="card" role="alert">
          <h1>{t("pageBroken")}</h1>
          <p>{t("pageBrokenHelp")}</p>
          <button type="button" class="button" onClick={() => location.reload()}>
            {t("loadAgain")}
          </button>
        </div>
      </main>
    );
  }
}
