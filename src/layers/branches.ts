import type { GraphBuilder, Ref } from "../ops/build.js";
import { type ConvBlockStyle, type ConvSpec, convBlock, plainConv } from "./conv-block.js";
import type { Padding } from "./padding.js";
import { averagePool, concatChannels, maxPool, type PoolSpec } from "./pooling.js";

/** One step of a branch: a convolution unit or a pool, under the name that the checkpoint or the drawing gives it. */
export type Step =
  | ({ readonly name: string } & ConvSpec)
  | { readonly name: string; readonly maxPool: PoolSpec }
  | { readonly name: string; readonly averagePool: PoolSpec; readonly countIncludePad: boolean };

/** Steps that all read what the step before them gives: how the 8×8 blocks of Inception-v3 and v4 end two of their branches. */
export interface Fork {
  readonly fork: readonly Step[];
}

/** Parallel branches that read one input, in the order in which they are joined; a fork can only end one. */
export type Branches = readonly (readonly Step[] | readonly [...Step[], Fork])[];

/** A convolution step: `conv("branch1.1", 64, [3, 3])` is 3×3, stride 1, padded to keep the size. */
export function conv(
  name: string,
  outChannels: number,
  kernelShape: readonly [number, number],
  stride = 1,
  padding: Padding = "symmetric",
): Step {
  return { name, outChannels, kernelShape, strides: [stride, stride], padding };
}

/** The step that every reduction ends its pooling branch with: max pool 3×3 /2 without padding. */
export function reducePool(name: string): Step {
  return { name, maxPool: { size: 3, stride: 2 } };
}

/** How steps become nodes: the style of convolution blocks, and a function that scales the channels of each convolution. */
export interface BranchContext {
  readonly b: GraphBuilder;
  readonly style: ConvBlockStyle;
  readonly width: (channels: number) => number;
}

/** The steps one after the other; their paths are `<path>.<name>`. */
export function runSteps({ b, style, width }: BranchContext, path: string, x: Ref, steps: readonly Step[]): Ref {
  return steps.reduce((from, step) => {
    const stepPath = path === "" ? step.name : `${path}.${step.name}`;
    if ("maxPool" in step) return maxPool(b, stepPath, from, step.maxPool);
    if ("averagePool" in step) return averagePool(b, stepPath, from, step.averagePool, step.countIncludePad);
    return convBlock(b, stepPath, from, { ...step, outChannels: width(step.outChannels) }, style);
  }, x);
}

/**
 * All branches, joined along channels into `concatPath`. A branch of several steps whose names share a prefix
 * ("branch1.0", "branch1.1") is a module under that prefix too, as in the checkpoints.
 *
 * @param x - [N, C, H, W]
 * @returns [N, sum of the branches' channels, H, W]
 *
 * @example
 * ```ts
 * import { describe } from "inceptionkit";
 * import { conv, reducePool, runBranches } from "inceptionkit/layers";
 * const network = describe("reduction", (b) => {
 *   const context = { b, style: { kind: "bias" }, width: (channels: number) => channels } as const;
 *   const x = b.input("input", ["N", 3, 65, 65]);
 *   b.output("y", runBranches(context, "mixed", "mixed.concat", x, [[conv("conv", 13, [3, 3], 2, "valid")], [reducePool("pool")]]));
 * });
 * network.summary().layers.at(-1)?.shape; // [16, 32, 32]
 * ```
 */
export function runBranches(context: BranchContext, path: string, concatPath: string, x: Ref, branches: Branches): Ref {
  const outputs = branches.flatMap((items) => {
    const steps = items.flatMap((item) => ("fork" in item ? [] : [item]));
    const output = runSteps(context, path, x, steps);
    const last = items.at(-1);
    if (last !== undefined && "fork" in last) return last.fork.map((step) => runSteps(context, path, output, [step]));
    const prefix = steps[0]?.name.match(/^(.+)\.\d+$/)?.[1];
    return [prefix === undefined ? output : context.b.module(`${path}.${prefix}`, output)];
  });
  return concatChannels(context.b, concatPath, outputs);
}

/** A residual block of the Inception-ResNets, without what follows the sum. */
export interface ResidualSpec {
  readonly branches: Branches;
  /** Factor on the projected branches before the sum, 0.1 to 0.3 in the paper; 1 leaves the multiplication out. */
  readonly scale: number;
  /** Names under the block's path. */
  readonly names: { readonly concat: string; readonly projection: string; readonly sum: string };
}

/**
 * x + scale · projection(concat(branches(x))). The projection is a 1×1 convolution with bias back to the channels of x,
 * without normalization and activation (arXiv:1602.07261, figures 10 to 19).
 */
export function residual(context: BranchContext, path: string, x: Ref, spec: ResidualSpec): Ref {
  const { b } = context;
  const { concat, projection, sum } = spec.names;
  const joined = runBranches(context, path, `${path}.${concat}`, x, spec.branches);
  const outChannels = Number(x.type.shape[1]);
  const projected = plainConv(b, `${path}.${projection}`, joined, { outChannels, kernelShape: [1, 1] }, true);
  b.module(`${path}.${projection}`, projected);
  const scaled = spec.scale === 1 ? projected : b.add("scale", `${path}.scale`, [projected], { factor: spec.scale });
  return b.module(`${path}.${sum}`, b.add("add", `${path}.${sum}`, [x, scaled], {}));
}
