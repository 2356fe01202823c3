/**
 * Layers of Inception networks, to build custom ones with `describe` of the bare import. Each adds nodes to a `GraphBuilder` under
 * paths, which are the names of its weights, and returns its output.
 */

export type { GraphBuilder, Ref } from "../ops/build.js";
export {
  type BranchContext,
  type Branches,
  conv,
  type Fork,
  type ResidualSpec,
  reducePool,
  residual,
  runBranches,
  runSteps,
  type Step,
} from "./branches.js";
export { batchNorm, type ConvBlockStyle, type ConvSpec, convBlock, normRelu, plainConv, transposedConv } from "./conv-block.js";
export { dropout, globalPool, linear } from "./head.js";
export type { Padding } from "./padding.js";
export { averagePool, concatChannels, maxPool, type PoolSpec } from "./pooling.js";
export { type ResizeMode, type ResizeSpec, resize } from "./resize.js";
