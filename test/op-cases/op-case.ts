/** What the cases of an op look like. Each op has a file of them; test/conformance/ops.test.ts finds and runs them all. */

import type { AttributesOf, OpName } from "../../src/ops/index.js";
import type { WindowAttributes } from "../../src/ops/kit/window.js";
import type { Shape } from "../../src/tensor/shape.js";

/** A small input for an op: odd sizes, unequal sides, whatever may go wrong. Where a shape has an "N" the suite runs it with 1 and 3 images. */
export interface OpCase<K extends OpName> {
  readonly name: string;
  readonly inputs: readonly CaseInput[];
  readonly attributes: AttributesOf<K>;
}

/**
 * What begins with "N" or holds integers is fed; anything else is a weight. Values are drawn from [low, high), default
 * [-1, 1); integers are rounded down.
 */
export interface CaseInput {
  readonly shape: Shape;
  readonly low?: number;
  readonly high?: number;
  /** Default "float32". */
  readonly dtype?: "float32" | "int8" | "int32" | "int64" | "uint8";
}

/** Inputs with the default range. */
export function shapes(...list: readonly Shape[]): readonly CaseInput[] {
  return list.map((shape) => ({ shape }));
}

/** A window with stride 1, no padding and no dilation but for what is given. */
export function windowOf(kernelShape: readonly number[], given: Partial<Omit<WindowAttributes, "kernelShape">> = {}) {
  const ones = kernelShape.map(() => 1);
  return { kernelShape, strides: ones, pads: [...kernelShape, ...kernelShape].map(() => 0), dilations: ones, ...given };
}
