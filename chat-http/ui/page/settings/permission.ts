/** What comes of what the browser allows, and of what a person wants. `none`: this browser has no notifications. */
export function state(permission: NotificationPermission | undefined, declined: boolean): "on" | "off" | "blocked" | "none" {
  if (permission === undefined) return "none";
  if (permission === "denied") return "blocked";
  return permission === "granted" && !declined ? "on" : "off";
}
