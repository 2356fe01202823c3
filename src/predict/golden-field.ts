import { InceptionError, messageOf } from "../errors.js";
import { decodeJson } from "../formats/json.js";
import { formatCount } from "../text.js";

/**
 * The top of a golden file's JSON.
 *
 * @throws InceptionError FILE_CORRUPT where the text is not JSON
 */
export function goldenRoot(text: string, file: string): GoldenField {
  return new GoldenField(decodeJson(text, `reference file "${messageOf(file)}"`), file, "");
}

// 64 MiB of float32: five times the largest tensor of the family's checkpoints.
const MAX_ELEMENTS = 2 ** 24;

/** A value of parsed JSON that knows its place, so that a fault can name it. */
export class GoldenField {
  readonly #value: unknown;
  readonly #file: string;
  readonly #place: string;

  constructor(value: unknown, file: string, place: string) {
    this.#value = value;
    this.#file = file;
    this.#place = place;
  }

  find(key: string): GoldenField | null {
    const found = this.#record().find(([name]) => name === key);
    return found ? this.#inside(found[1], key) : null;
  }

  get(key: string): GoldenField {
    const found = this.find(key);
    if (found) return found;
    throw this.fault(`a field "${key}"`);
  }

  entries(): readonly (readonly [string, GoldenField])[] {
    return this.#record().map(([key, value]) => [key, this.#inside(value, key)]);
  }

  list(): readonly GoldenField[] {
    if (!Array.isArray(this.#value)) throw this.fault("a list");
    return this.#value.map((item: unknown, index) => this.#inside(item, String(index)));
  }

  numbers(): readonly number[] {
    return this.list().map((item) => item.number());
  }

  /** Sizes of a tensor; the number of elements is bounded, so that a stranger's file cannot ask for all memory. */
  shape(): readonly number[] {
    const sizes = this.numbers();
    const whole = sizes.every((size) => Number.isInteger(size) && size > 0);
    if (whole && sizes.reduce((product, size) => product * size, 1) <= MAX_ELEMENTS) return sizes;
    throw this.fault(`a shape of positive integers and at most ${formatCount(MAX_ELEMENTS)} elements`);
  }

  /** A whole number in [least, most]. */
  count(least: number, most: number): number {
    const value = this.number();
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw this.fault(`an integer from ${least} to ${formatCount(most)}`);
  }

  number(): number {
    if (typeof this.#value !== "number") throw this.fault("a number");
    return this.#value;
  }

  string(): string {
    if (typeof this.#value !== "string") throw this.fault("text");
    return this.#value;
  }

  boolean(): boolean {
    if (typeof this.#value !== "boolean") throw this.fault("true or false");
    return this.#value;
  }

  /** The error of a value that is well-formed and means something that is not here. */
  unsupported(kind: string, found: string, expected: string): InceptionError {
    return new InceptionError(
      "FILE_UNSUPPORTED",
      `Cannot use reference file "${this.#file}": its ${kind} at ${this.#place} is "${found}", expected ${expected}`,
      { file: this.#file },
    );
  }

  fault(expected: string): InceptionError {
    return new InceptionError(
      "FILE_CORRUPT",
      `Cannot read reference file "${this.#file}": expected ${expected} at ${this.#place || "the top level"}`,
      { file: this.#file },
    );
  }

  #record(): readonly (readonly [string, unknown])[] {
    if (typeof this.#value !== "object" || this.#value === null || Array.isArray(this.#value)) throw this.fault("an object");
    return Object.entries(this.#value);
  }

  #inside(value: unknown, key: string): GoldenField {
    return new GoldenField(value, this.#file, this.#place === "" ? key : `${this.#place}.${key}`);
  }
}
