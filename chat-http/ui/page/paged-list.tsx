/** A list in a window, which is read page by page. */
import type { ComponentChildren } from "preact";
import { refusal } from "./format.ts";
import { t } from "./language.ts";
import type { Pages } from "./pages.ts";

interface Props<Item> {
  pages: Pages<Item>;
  /** What stands there when it is empty. */
  none: string;
  render: (item: Item, index: number) => ComponentChildren;
}

export function PagedList<Item>({ pages, none, render }: Props<Item>) {
  const { items, ready, code, more } = pages;
  return (
    <>
      {items.length > 0 && <ul class="lines">{items.map(render)}</ul>}
      {ready && items.length === 0 && <p class="hint">{none}</p>}
      {!ready && code === "" && (
        <p class="hint" role="status">
          {t("loading")}
        </p>
      )}
      <p class="problem" role="alert">
        {code && refusal(code)}
      </p>
      {more && (
        <p class="show-more">
          <button type="button" class="button quiet" onClick={more}>
            {t("showMore")}
          </button>
        </p>
      )}
    </>
  );
}
