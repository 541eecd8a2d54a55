/** Files that are loaded when they are needed, from where the scripts came. */

let home: URL | undefined;
let ofVersion = "";

/** Says where the scripts came from, which ends with a slash, and what is asked for with each of their version's files. */
export function filesAreAt(base: URL, version = ""): void {
  home = base;
  ofVersion = version;
}

export function file(name: string): URL {
  return new URL(name + ofVersion, home ?? document.baseURI);
}
