/** Line icons, 20 × 20, drawn in the colour of the text around them. */
import type { ComponentChildren } from "preact";

/** `turns`: it points in the direction of reading, or against it. */
function icon(children: ComponentChildren, turns = false) {
  return function Icon() {
    return (
      <svg class={turns ? "icon turns" : "icon"} viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
        {children}
      </svg>
    );
  };
}

export const Plus = icon(<path d="M10 4v12M4 10h12" />);
export const Search = icon(<path d="M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM13 13l3.5 3.5" />);
export const Back = icon(<path d="M12 4.5 6.5 10l5.5 5.5" />, true);
export const ArrowDown = icon(<path d="M10 4v12M5 11l5 5 5-5" />);
export const Send = icon(<path d="M10 16V4M5 9l5-5 5 5" />);
export const Close = icon(<path d="m5 5 10 10M15 5 5 15" />);
export const People = icon(<path d="M7.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2 16.5c.4-3 2.600-4.500 5.500-4.500s5.100 1.500 5.500 4.500M13 3.800a3 3 0 0 1 0 5.500M15 12.300c1.700.6 2.700 2 3 4.200" />);
export const Settings = icon(<path d="M3 6h8M15 6h2M3 14h2M9 14h8M13 4v4M7 12v4" />);
export const Gear = icon(<path d="M8.8 2.8L11.2 2.8L11.5 4.7L12.6 5.2L14.2 4.1L15.9 5.8L14.8 7.4L15.3 8.5L17.2 8.8L17.2 11.2L15.3 11.5L14.8 12.6L15.9 14.2L14.2 15.9L12.6 14.8L11.5 15.3L11.2 17.2L8.8 17.2L8.5 15.3L7.4 14.8L5.8 15.9L4.1 14.2L5.2 12.6L4.7 11.5L2.8 11.2L2.8 8.8L4.7 8.5L5.2 7.4L4.1 5.8L5.8 4.1L7.4 5.2L8.5 4.7ZM10 7.600a2.400 2.400 0 1 0 0 4.800 2.400 2.400 0 0 0 0-4.800Z" />);
export const Star = icon(<path d="m10 3 2.100 4.500 4.900.6-3.600 3.400.9 4.900L10 14l-4.300 2.400.9-4.900L3 8.100l4.900-.6L10 3Z" />);
export const Lock = icon(<path d="M5 9h10v7.500H5zM7 9V6.500a3 3 0 0 1 6 0V9M10 12v1.500" />);
export const Door = icon(<path d="M8 4H4v12h4M8.500 10H17M14 7l3 3-3 3" />, true);
export const Mute = icon(<path d="M4 8v4h2.500l3.500 3V5L6.500 8ZM13 8l4 4M17 8l-4 4" />);
export const Ban = icon(<path d="M10 3.500a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13ZM5.500 5.500l9 9" />);
export const Link = icon(<path d="M8.500 11.500l3-3M9 6l1.500-1.500a3.500 3.500 0 0 1 5 5L14 11M11 14l-1.500 1.500a3.500 3.500 0 0 1-5-5L6 9" />);
export const Trash = icon(<path d="M4 6h12M8 6V4h4v2M6 6l.6 10h6.800L14 6M8.700 9v4M11.300 9v4" />);
export const Copy = icon(<path d="M7.500 7.500h8.500v8.500H7.500zM4 12.500V4h8.500" />);
export const Check = icon(<path d="m4.500 10.500 3.500 3.500 7.500-8" />);
export const Clock = icon(<path d="M10 3.500a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13ZM10 6.500V10l2.300 1.500" />);
export const Alert = icon(<path d="M10 3.500 17.300 16H2.700L10 3.500ZM10 8.500v3.500M10 14v.1" />);
export const Offline = icon(<path d="M3 3l14 14M6 9.500a6 6 0 0 1 2-1.200M3 6.800a10 10 0 0 1 2.500-1.700M14 9.500a6 6 0 0 0-1-.7M17 6.800a10 10 0 0 0-8-2.600M8.500 12.500a2.500 2.500 0 0 1 3 .2M10 15.500v.1" />);
export const Keyboard = icon(<path d="M2.500 5.500h15v9h-15zM5.500 8.500v.1M8.500 8.500v.1M11.500 8.500v.1M14.500 8.500v.1M6.500 11.800h7" />);
export const Smile = icon(<path d="M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14ZM7.300 8.200v.1M12.700 8.200v.1M6.800 11.500c1.500 2.300 4.900 2.300 6.400 0" />);
export const Answer = icon(<path d="M8 5 3.500 9.500 8 14M4 9.500h7.500c3 0 5 2 5 5.500" />, true);
export const Thread = icon(<path d="M3.500 4h13v9.500h-6.500L6.500 17v-3.500h-3zM6.500 7.500h7M6.500 10.200h4.500" />, true);
export const More = icon(<path stroke-width="2.4" d="M4.500 10h.01M10 10h.01M15.500 10h.01" />);
export const Pencil = icon(<path d="m4 16 .8-3.500L13.300 4l2.700 2.700-8.500 8.500L4 16ZM11.500 5.800l2.700 2.700" />);
export const Pin = icon(<path d="M7.500 3.500h5l-.6 5.500 2.600 2.500h-9L8.100 9 7.500 3.500ZM10 11.500V17" />);
export const Person = icon(<path d="M10 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM4 16.500c.6-3 3-4.500 6-4.500s5.400 1.500 6 4.500" />);
export const Bubble = icon(<path d="M4 4.500h12a1.500 1.500 0 0 1 1.500 1.500v7a1.500 1.500 0 0 1-1.500 1.500H10L6 17.500v-3H4A1.500 1.500 0 0 1 2.500 13V6A1.500 1.500 0 0 1 4 4.500Z" />, true);
export const Minimise = icon(<path d="M4.500 7.500 10 13l5.500-5.500" />);
export const Marks = icon(<path d="m6.500 6-4 4 4 4M13.500 6l4 4-4 4M11.500 4.500l-3 11" />);
