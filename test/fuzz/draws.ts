import { fnv1a32, mulberry32 } from "../../src/tensor/fill.js";

/** Random choices of one case. The same key gives the same choices on every machine. */
export class Draws {
  readonly #next: () => number;

  constructor(key: string) {
    this.#next = mulberry32(fnv1a32(key));
  }

  /** In [0, 1). */
  number(): number {
    return this.#next();
  }

  /** An integer from `least` to `most`. */
  int(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    const chosen = choices[Math.floor(this.#next() * choices.length)];
    if (chosen === undefined) throw new RangeError("Cannot pick one of nothing");
    return chosen;
  }

  list<T>(length: number, draw: (index: number) => T): T[] {
    return Array.from({ length }, (_, index) => draw(index));
  }
}
