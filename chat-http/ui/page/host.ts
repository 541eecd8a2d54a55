/**
 * How the host of a link is shown: as it was written, or, where it may pass for another one, as the network knows it
 * (`xn--…`). The rule is that of browsers, shortened: one script per label, and no label that only looks Latin.
 */

/** The host to show, of what was written and what it comes to in ASCII. */
export function shownHost(written: string, ascii: string): string {
  return isPlain(written) ? written : ascii;
}

function isPlain(host: string): boolean {
  if (ASCII.test(host)) return true;
  // Wide letters, ligatures and the like are other letters to the network.
  if (!LETTERS.test(host) || host.normalize("NFKC") !== host.normalize("NFC")) return false;
  const labels = host.toLowerCase().split(".");
  const inLatin = ASCII.test(labels.at(-1) ?? "");
  return labels.every((label) => isOfOneScript(label) && !(inLatin && LOOKS_LATIN.test(label)));
}

function isOfOneScript(label: string): boolean {
  return TOGETHER.some((scripts) => scripts.test(label));
}

const ASCII = /^[\x21-\x7e]*$/;
const LETTERS = /^[\p{L}\p{M}\p{Nd}.-]+$/u;
/** What stands beside letters of any script: digits, hyphens, marks that several scripts share. */
const SHARED = "0-9\\-\\p{Script=Inherited}";
/** Scripts that are written together: Latin with those of East Asia, as its readers do. Every other stands alone. */
const TOGETHER = [
  ["Latin", "Han", "Hiragana", "Katakana"],
  ["Latin", "Han", "Hangul"],
  ["Latin", "Han", "Bopomofo"],
  ...["Arabic", "Armenian", "Bengali", "Cyrillic", "Devanagari", "Ethiopic", "Georgian", "Greek", "Gujarati", "Gurmukhi"],
  ...["Hebrew", "Kannada", "Khmer", "Lao", "Malayalam", "Myanmar", "Oriya", "Sinhala", "Tamil", "Telugu", "Thai", "Tibetan"],
].map((scripts) => new RegExp(`^[${SHARED}ー${[scripts].flat().map((script) => `\\p{Script=${script}}`).join("")}]*$`, "u"));
/** Nothing but letters of Cyrillic, Greek or Armenian that are taken for Latin ones. */
const LOOKS_LATIN = /^(?:[0-9-]|[авгеԁһіјѕкӏмпорԛгсԝтухҽъьѡѵԍԗыю])+$|^(?:[0-9-]|[αγηικνορτυχω])+$|^(?:[0-9-]|[ցհոօսյզքղ])+$/u;
