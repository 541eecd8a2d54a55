/** Stands for the package that knows `&amp;` and its like: nothing here is HTML, and the package for browsers would ask HTML's parser. */
export function decodeNamedCharacterReference(): false {
  return false;
}
