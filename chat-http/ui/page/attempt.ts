/** Something that the server is asked to do: for a form or a button, whether it is under way, and why it was refused. */
import { useState } from "preact/hooks";
import { refusedBy, type ApiError } from "./api.ts";
import { refusal } from "./format.ts";

export interface Attempts {
  busy: boolean;
  /** What is wrong; empty if nothing is. */
  problem: string;
  attempt: <Done>(act: () => Promise<Done>, then: (done: Done) => void) => Promise<void>;
}

/** `why` says what a refusal means here, if that is something else than elsewhere. */
export function useAttempt(why: (refused: ApiError) => string = ({ code, field }) => refusal(code, field)): Attempts {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const attempt = async <Done,>(act: () => Promise<Done>, then: (done: Done) => void): Promise<void> => {
    setBusy(true);
    setProblem("");
    await act().then(then, (error: unknown) => setProblem(why(refusedBy(error))));
    setBusy(false);
  };
  return { busy, problem, attempt };
}
