/** Writing down an op's ONNX form when that is more than a node or two. */
import { at } from "../../tensor/at.js";
import type { Dim, Shape } from "../../tensor/shape.js";
import { float32Tensor } from "../../tensor/tensor.js";
import type { LoweredAttribute, LoweredNode, LowerSite } from "../op.js";
import { int64Vector } from "./axes.js";

type Attributes = Readonly<Record<string, LoweredAttribute>>;

/** The nodes of one lowering, in order, and how to add more. Every function returns the name of the value that it makes. */
export interface NodeList {
  readonly site: LowerSite;
  readonly nodes: readonly LoweredNode[];
  /** A node of ONNX with one output: the op's output of that number, or an inner value of that name. */
  add(opType: string, target: Target, inputs: readonly string[], attributes?: Attributes): string;
  /** A node of ONNX Runtime's own, for forms that no other runtime gets. */
  addMicrosoft(opType: string, target: Target, inputs: readonly string[], attributes?: Attributes): string;
  /** A node with several outputs. */
  addAll(opType: string, targets: readonly Target[], inputs: readonly string[], attributes?: Attributes): readonly string[];
  /** Constants. */
  ints(name: string, values: readonly number[]): string;
  floats(name: string, shape: readonly number[], values: Float32Array): string;
  scalar(name: string, value: number): string;
  /** One size may be −1: what is left. */
  reshape(target: Target, x: string, shape: readonly number[]): string;
  transpose(target: Target, x: string, perm: readonly number[]): string;
  /** `build` adds nodes, the op's last ones, that only arrange the elements of `value`: see `LoweredNode.arranges`. */
  arrange(value: string, build: () => string): string;
}

/** An output of the op by its number, or the name of an inner value. */
export type Target = number | string;

export function nodeList(site: LowerSite): NodeList {
  const nodes: LoweredNode[] = [];
  const name = (target: Target): string => (typeof target === "string" ? site.inner(target) : at(site.outputs, target));
  // Constants lie beside inner values of the same names.
  const beside = (target: Target, suffix: string): string => `${typeof target === "string" ? target : `output${target}`}_${suffix}`;
  const ints = (constant: string, values: readonly number[]): string => site.constant(constant, int64Vector(values));
  const floats = (constant: string, shape: readonly number[], values: Float32Array): string =>
    site.constant(constant, float32Tensor(shape, values));
  const push = (
    opType: string,
    targets: readonly Target[],
    inputs: readonly string[],
    attributes: Attributes = {},
    domain: Pick<LoweredNode, "domain"> = {},
  ): readonly string[] => {
    const outputs = targets.map(name);
    nodes.push({ opType, ...domain, inputs, outputs, attributes });
    return outputs;
  };
  const add: NodeList["add"] = (opType, target, inputs, attributes) => {
    push(opType, [target], inputs, attributes);
    return name(target);
  };
  return {
    site,
    nodes,
    add,
    addMicrosoft: (opType, target, inputs, attributes) => {
      push(opType, [target], inputs, attributes, { domain: "com.microsoft" });
      return name(target);
    },
    addAll: push,
    ints,
    floats,
    scalar: (constant, value) => floats(constant, [], Float32Array.of(value)),
    reshape: (target, x, shape) => add("Reshape", target, [x, ints(beside(target, "shape"), shape)]),
    transpose: (target, x, perm) => add("Transpose", target, [x], { perm: { ints: perm } }),
    arrange: (value, build) => {
      const output = build();
      const last = nodes.pop();
      if (last) nodes.push({ ...last, arranges: value });
      return output;
    },
  };
}

/** A size for ONNX's Reshape, times `factor`: −1, what is left, where it has no number. */
export function sizeOrRest(dim: Dim | undefined, factor = 1): number {
  return typeof dim === "number" ? dim * factor : -1;
}

/** The spatial sizes of [N, C, spatial…], known to be numbers since the op's shape rule ran. */
export function spatial(shape: Shape): readonly number[] {
  return shape.slice(2).map(Number);
}

/** Whether a map is one image: [1, C, H, W], or a whole batch with the batch innermost. */
export function isOneImage({ layout }: LowerSite, shape: Shape): boolean {
  return layout === "chwn" && shape.length === 4 && shape[0] === 1;
}

export function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}

/** Elements from `starts` on, `counts` of them, `steps` apart, on the last axes of x. */
export function sliceLast(
  list: NodeList,
  target: string,
  x: string,
  rank: number,
  { starts, counts, steps }: { readonly starts: readonly number[]; readonly counts: readonly number[]; readonly steps: readonly number[] },
): string {
  const axes = starts.map((_, index) => rank - starts.length + index);
  const ends = starts.map((start, index) => start + (at(counts, index) - 1) * at(steps, index) + 1);
  const lists = Object.entries({ starts, ends, axes, steps }).map(([name, values]) => list.ints(`${target}_${name}`, values));
  return list.add("Slice", target, [x, ...lists]);
}

/** Padding, or cropping where a pad is negative, of the last axes of x. x itself where there is nothing to do. */
export function padLast(
  list: NodeList,
  target: string,
  x: string,
  shape: readonly number[],
  pads: { readonly begins: readonly number[]; readonly ends: readonly number[] },
  value?: string,
): string {
  const { begins, ends } = pads;
  const rest = shape.slice(0, shape.length - begins.length).map(() => 0);
  const cropped = [...begins, ...ends].some((pad) => pad < 0)
    ? sliceLast(list, `${target}_cropped`, x, shape.length, {
        starts: begins.map((pad) => Math.max(-pad, 0)),
        counts: begins.map((pad, axis) => at(shape, rest.length + axis) + Math.min(pad, 0) + Math.min(at(ends, axis), 0)),
        steps: begins.map(() => 1),
      })
    : x;
  if ([...begins, ...ends].every((pad) => pad <= 0)) return cropped;
  const added = [...rest, ...begins, ...rest, ...ends].map((pad) => Math.max(pad, 0));
  return list.add("Pad", target, [cropped, list.ints(`${target}_pads`, added), ...(value === undefined ? [] : [value])]);
}
