/** What is loaded after the first view. */
export { AboutDialog } from "./about.tsx";
export { AccountDialog } from "./account-dialog.tsx";
export { DesktopNotes } from "./desktop-note.tsx";
export { KeysDialog } from "./keys.tsx";
export { MessageWindow } from "./messages/windows.tsx";
export { SettingsDialog } from "./settings/dialog.tsx";
export { DeleteDialog, RoomDialog } from "./room-dialogs.tsx";
export { Switcher } from "./switcher.tsx";
export { RoomWindows } from "./windows.tsx";
