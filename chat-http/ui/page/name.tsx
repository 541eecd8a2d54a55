/** The field for one's name: on the first page, in its own window, in the widget. */
import { useState } from "preact/hooks";
import { asName } from "./seen.ts";
import { refusal } from "./format.ts";
import { t } from "./language.ts";

interface Props {
  name: string;
  action: string;
  /** Whether it takes the focus by itself. */
  eager?: boolean;
  onName: (name: string) => void;
}

export function NameForm({ name: before, action, eager = true, onName }: Props) {
  const [name, setName] = useState(before);
  const [problem, setProblem] = useState("");
  const save = (event: Event): void => {
    event.preventDefault();
    const wanted = asName(name, 64);
    if (wanted === null) setProblem(refusal("invalid_field", "username"));
    else onName(wanted);
  };
  return (
    <form class="name-form" onSubmit={save}>
      <label for="my-name">{t("yourName")}</label>
      <div class="name-row">
        <input
          id="my-name"
          value={name}
          autofocus={eager}
          autocomplete="nickname"
          placeholder={t("nameExample")}
          aria-describedby="name-problem"
          aria-invalid={problem !== ""}
          onInput={(event) => (setName(event.currentTarget.value), setProblem(""))}
        />
        <button type="submit" class="button" disabled={name.trim() === ""}>
          {action}
        </button>
      </div>
      <p id="name-problem" class="problem" role="alert">
        {problem}
      </p>
    </form>
  );
}
