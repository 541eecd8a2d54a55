/** The window with the keys, and what they do. */
import { Dialog } from "./dialogs.tsx";
import { t } from "./language.ts";

/** What is pressed, and what it does. */
function keys(): [string[], string][] {
  const [enter, alt] = [t("keyEnter"), t("keyAlt")];
  return [
    [[enter], t("send")],
    [[t("keyShift"), enter], t("keysNewLine")],
    [["↑"], t("keysToMessages")],
    [["↑", "↓"], t("keysBetweenMessages")],
    [["C"], t("keysCopy")],
    [["R"], t("keysAnswer")],
    [["T"], t("answerInThread")],
    [["E"], t("keysEdit")],
    [[t("keyDelete")], t("keysDelete")],
    [[enter], t("keysActions")],
    [[t("keyEnd")], t("keysNewest")],
    [[t("keyEsc")], t("keysBack")],
    [[alt, "↑", "↓"], t("keysNextRoom")],
    [["↑", "↓", "←", "→"], t("keysInRooms")],
    [[t("keyCtrl"), "K"], t("goTo")],
    [["←", "→"], t("keysEmoji")],
    [["?"], t("keysThese")],
  ];
}

export function KeysDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t("keys")} onClose={onClose}>
      <table class="keys">
        <thead class="sr-only">
          <tr>
            <th scope="col">{t("key")}</th>
            <th scope="col">{t("keyDoes")}</th>
          </tr>
        </thead>
        <tbody>
          {keys().map(([pressed, what]) => (
            <tr key={what}>
              <th scope="row">
                {pressed.map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </th>
              <td>{what}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}
