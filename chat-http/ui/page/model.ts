/** What the screens watch: plain objects that say when they changed. */
import { useLayoutEffect, useState } from "preact/hooks";

export class Model {
  readonly #watchers = new Set<() => void>();
  version = 0;

  /** Calls back after every change, until the returned function is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  protected changed(): void {
    this.version += 1;
    for (const watcher of [...this.#watchers]) watcher();
  }
}

/** Renders the component anew whenever the model changes. */
export function useModel<M extends Model>(model: M): M {
  const [, setSeen] = useState({});
  const rendered = model.version;
  useLayoutEffect(() => {
    if (model.version !== rendered) setSeen({});
    return model.watch(() => setSeen({}));
  }, [model]);
  return model;
}
