/** Where the rows of a list are: the upper edge of each, measured from that of the first, and the lower edge of the last. */
export class Edges {
  #edges = new Float64Array(1);
  #count = 0;

  /** For how many rows they are right. */
  get count(): number {
    return this.#count;
  }

  /** The upper edge of a row; behind the last one, its lower edge. */
  of(index: number): number {
    return this.#edges[Math.min(index, this.#count)] ?? 0;
  }

  /** There are so many rows, and from this one on their heights are summed up anew. */
  sum(from: number, count: number, heightOf: (index: number) => number): void {
    if (this.#edges.length <= count) {
      const wider = new Float64Array(Math.ceil(count * 1.5) + 64);
      wider.set(this.#edges);
      this.#edges = wider;
    }
    let edge = this.#edges[from] as number;
    for (let index = from; index < count; index++) {
      edge += heightOf(index);
      this.#edges[index + 1] = edge;
    }
    this.#count = count;
  }

  /** All heights are others. */
  forget(): void {
    this.#count = 0;
  }

  /** The row at this distance from the upper edge of the first. */
  at(y: number): number {
    let [low, high] = [0, this.#count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#edges[middle + 1] as number) <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * The row that is to stay where it is while others take their heights: the uppermost in the window that is drawn. Above it,
   * there may be rows that are not drawn yet; these can go, since nobody sees them. If none is drawn, it is the uppermost.
   */
  toKeep(y: number, height: number, drawn: { start: number; end: number }): number {
    const first = this.at(Math.max(0, y));
    const seen = Math.max(first, drawn.start);
    return seen < drawn.end && this.of(seen) < y + height ? seen : first;
  }

  /** The last row that is drawn and begins above this, if it reaches into the window: of what is not drawn, nobody knows how high it is. */
  lastDrawn(y: number, height: number, drawn: { start: number; end: number }): number | null {
    const last = Math.min(this.at(y), drawn.end - 1, this.#count - 1);
    return last >= drawn.start && this.of(last + 1) > y - height ? last : null;
  }
}
