/** A finger that rests on a message shows what can be done with it. */

const REST_MS = 450;
/** A finger never rests quite still. */
const STILL_PX = 10;

/** The handlers of an element that can be pressed for long. Links in it keep what the browser does with them. */
export function onLongPress(act: () => void) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let from = { x: 0, y: 0 };
  const end = (): void => clearTimeout(timer);
  return {
    onPointerDown: (event: PointerEvent): void => {
      end();
      if (event.pointerType !== "touch" || isOther(event.target)) return;
      from = { x: event.clientX, y: event.clientY };
      timer = setTimeout(act, REST_MS);
    },
    onPointerMove: ({ clientX, clientY }: PointerEvent): void => {
      if (Math.hypot(clientX - from.x, clientY - from.y) > STILL_PX) end();
    },
    onPointerUp: end,
    onPointerCancel: end,
    onContextMenu: (event: MouseEvent): void => {
      // What the browser would show instead.
      const isTouch = "pointerType" in event && event.pointerType === "touch";
      if (isTouch && !isOther(event.target)) event.preventDefault();
    },
  };
}

function isOther(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("a, button, textarea") !== null;
}
