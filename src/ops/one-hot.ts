import { float32Tensor } from "../tensor/tensor.js";
import { formatCount } from "../text.js";
import { int64Vector } from "./kit/axes.js";
import { exactly, type OpDef, POINTWISE, shapeError } from "./op.js";

interface OneHotAttributes {
  readonly [name: string]: number;
  /** The number of classes, at most 2²⁴. */
  readonly depth: number;
  /** Where the new axis of size `depth` stands in the result. */
  readonly axis: number;
}

/** Up to here every label is a float32 of its own. */
const MAX_DEPTH = 2 ** 24;

// ONNX's codes of element types.
const FLOAT = { to: { int: 1 } };

export const oneHot: OpDef<OneHotAttributes> = {
  doc: `labels, int32 or int64 of any shape → float32 with a new axis of size \`depth\` at \`axis\`: 1 where the index is the
label, else 0. A label outside [0, depth) gives zeros alone. Not differentiable: labels are whole numbers.`,
  operands: exactly(1),
  infer: ([labels], { depth, axis }, site) => {
    if (labels.dtype !== "int32" && labels.dtype !== "int64") throw shapeError(site, `expected int32 or int64 labels, got ${labels.dtype}`);
    if (!Number.isInteger(depth) || depth < 1 || depth > MAX_DEPTH) {
      throw shapeError(site, `depth ${depth} must be an integer from 1 to ${formatCount(MAX_DEPTH)}`);
    }
    const rank = labels.shape.length;
    if (!Number.isInteger(axis) || axis < 0 || axis > rank) throw shapeError(site, `axis ${axis} must be an integer from 0 to ${rank}`);
    return [{ dtype: "float32", shape: [...labels.shape.slice(0, axis), depth, ...labels.shape.slice(axis)] }];
  },
  // Labels are whole numbers.
  grad: null,
  // Compared as float32, which WebGPU can and int64 it cannot; a label that is rounded lies behind the last class.
  lower: (site, { depth, axis }) => {
    const rank = site.outputTypes[0].shape.length;
    const classes = float32Tensor(
      Array.from({ length: rank }, (_, index) => (index === axis ? depth : 1)),
      Float32Array.from({ length: depth }, (_, index) => index),
    );
    const [numbers, column, equal] = [site.inner("numbers"), site.inner("column"), site.inner("equal")];
    return [
      { opType: "Cast", inputs: site.inputs, outputs: [numbers], attributes: FLOAT },
      { opType: "Unsqueeze", inputs: [numbers, site.constant("axis", int64Vector([axis]))], outputs: [column], attributes: {} },
      { opType: "Equal", inputs: [column, site.constant("classes", classes)], outputs: [equal], attributes: {} },
      { opType: "Cast", inputs: [equal], outputs: site.outputs, attributes: FLOAT },
    ];
  },
  ...POINTWISE,
};

declare module "./op.js" {
  interface Ops {
    readonly oneHot: typeof oneHot;
  }
}
