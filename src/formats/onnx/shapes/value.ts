import { type ErrorCode, InceptionError } from "../../../errors.js";
import { elementCount } from "../../../tensor/tensor.js";
import { shortened } from "../../quoted.js";
import { bytesOfElements } from "../data-type.js";
import type { InferenceOp } from "../schemas.js";
import type { OnnxAttribute, OnnxDType } from "../types.js";

/** The type of a value in a graph, with its elements where they are known before the graph runs. */
export interface Value {
  readonly dtype: OnnxDType;
  readonly shape: readonly number[];
  /** Elements in row-major order of small constants: the shapes, axes and scales that operators read. Otherwise null. */
  readonly numbers: readonly number[] | null;
}

/**
 * Elements of a constant that are kept. Operators read at most two numbers for each of 64 axes; masks and tables of
 * indices need not be known.
 */
export const MAX_NUMBERS = 1024;

/** What a node computes, for the given inputs. */
export interface Inferred {
  readonly outputs: readonly Value[];
  /** Multiply-adds; default 0. What does not run as a matrix product counts `SLOW` times. */
  readonly macs?: number;
  /** Bytes that the runtime takes while the node runs, besides inputs and outputs; default 0. */
  readonly scratch?: number;
}

/**
 * Multiply-adds of a matrix product that run in the time of one of a loop: pooling, normalization, products of integers
 * and doubles. Estimated for two AVX-512 cores: 75 to 240 GMAC/s against 2 to 8.
 */
export const SLOW = 16;

export type Rule = (node: NodeView) => Inferred;

/** Where a fault is: what was to be done, and the code of a contradiction. */
export interface Site {
  /** Like `load "model.onnx"`. */
  readonly action: string;
  /** FILE_CORRUPT where the file alone is at fault, FEED_INVALID where the given inputs may be. */
  readonly code: ErrorCode;
}

/** A node with the types of its inputs, as rules read it. */
export class NodeView {
  readonly op: InferenceOp;
  readonly opset: number;
  /** Number of outputs, those without a name included. */
  readonly outputs: number;
  readonly inputs: readonly (Value | null)[];
  readonly #attributes: readonly OnnxAttribute[];
  readonly #site: Site;
  readonly #place: string;

  constructor(
    op: InferenceOp,
    opset: number,
    node: { readonly inputs: readonly (Value | null)[]; readonly outputs: number; readonly attributes: readonly OnnxAttribute[] },
    site: Site,
    place: string,
  ) {
    this.op = op;
    this.opset = opset;
    this.inputs = node.inputs;
    this.outputs = node.outputs;
    this.#attributes = node.attributes;
    this.#site = site;
    this.#place = place;
  }

  /** An input that must be there. */
  input(index: number): Value {
    return this.inputs[index] ?? this.fail(`has no input ${index}`);
  }

  /** An input that may be left out. */
  optional(index: number): Value | null {
    return this.inputs[index] ?? null;
  }

  /** The elements of an input that decides sizes. */
  numbers(index: number): readonly number[] {
    const value = this.input(index);
    if (value.shape.length > 1) this.fail(`has input ${index} of shape ${shown(value)}, expected a list`);
    if (value.numbers !== null) return value.numbers;
    throw this.#error(
      "FILE_UNSUPPORTED",
      `computes sizes from input ${index} ${shown(value)}, which depends on data; its memory cannot be bounded before it runs`,
    );
  }

  /** As `numbers`, or null where the input is left out. */
  optionalNumbers(index: number): readonly number[] | null {
    return this.optional(index) === null ? null : this.numbers(index);
  }

  int(name: string, otherwise: number): number {
    const found = this.attribute(name);
    return found?.type === "int" ? Number(found.value) : otherwise;
  }

  ints(name: string): readonly number[] | null {
    const found = this.attribute(name);
    return found?.type === "ints" ? found.value.map(Number) : null;
  }

  string(name: string, otherwise: string): string {
    const found = this.attribute(name);
    return found?.type === "string" ? found.value : otherwise;
  }

  attribute(name: string): OnnxAttribute | null {
    return this.#attributes.find((attribute) => attribute.name === name) ?? null;
  }

  /** An axis of a value with `rank` axes, from 0, counted from the end where it is negative. */
  axis(axis: number, rank: number): number {
    if (axis < -rank || axis >= rank) this.fail(`has axis ${axis}, expected one from ${-rank} to ${rank - 1}`);
    return axis < 0 ? axis + rank : axis;
  }

  /** Distinct axes. */
  axes(axes: readonly number[], rank: number): readonly number[] {
    if (axes.length > rank) this.fail(`names ${axes.length} axes of ${rank}`);
    const found = axes.map((axis) => this.axis(axis, rank));
    if (new Set(found).size !== found.length) this.fail(`names an axis twice in [${axes.join(", ")}]`);
    return found;
  }

  /** Stops with what is wrong with the node, as a predicate: `has axis 5, expected …`. */
  fail(fact: string): never {
    throw this.#error(this.#site.code, fact);
  }

  #error(code: ErrorCode, fact: string): InceptionError {
    return new InceptionError(code, `Cannot ${this.#site.action}: ${this.#place} ${shortened(fact)}`, { place: this.#place, op: this.op });
  }
}

/** A value that is computed when the graph runs. */
export function computed(dtype: OnnxDType, shape: readonly number[]): Value {
  return { dtype, shape, numbers: null };
}

/** A value with its elements, which are dropped where there are too many to keep. */
export function constant(dtype: OnnxDType, shape: readonly number[], numbers: readonly number[] | null): Value {
  return { dtype, shape, numbers: numbers !== null && numbers.length <= MAX_NUMBERS ? numbers : null };
}

/** Beyond 2^53 an approximation, which is far above every limit. */
export function bytesOf({ dtype, shape }: Pick<Value, "dtype" | "shape">): number {
  return bytesOfElements(dtype, elementCount(shape));
}

/** float32[1, 3, 8, 8] */
export function shown({ dtype, shape }: Pick<Value, "dtype" | "shape">): string {
  return `${dtype}[${shape.join(", ")}]`;
}

/** NumPy's broadcasting of several shapes; null where they do not fit. */
export function broadcast(shapes: readonly (readonly number[])[]): readonly number[] | null {
  const rank = shapes.reduce((most, shape) => Math.max(most, shape.length), 0);
  const sizes = Array.from({ length: rank }, (_, axis) => {
    const here = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((size) => size !== 1);
    const [size = 1] = here;
    return here.every((other) => other === size) ? size : null;
  });
  return sizes.every((size) => size !== null) ? sizes : null;
}
