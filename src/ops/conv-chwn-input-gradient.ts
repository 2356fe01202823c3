import { at, firstOf } from "../tensor/at.js";
import { formatShape, sameShape } from "../tensor/shape.js";
import { inferConvChwn } from "./conv-chwn.js";
import type { ConvInputGradientAttributes } from "./conv-input-gradient.js";
import { checkFloats } from "./kit/axes.js";
import { type NodeList, nodeList, padLast, product } from "./kit/lowering.js";
import { type Join, joinAtOnce } from "./kit/shader-buffers.js";
import { concrete, exactly, type Fixed, type Form, type LoweredNode, type LowerSite, type OpDef, shapeError } from "./op.js";

export const convChwnInputGradient: OpDef<ConvInputGradientAttributes, Fixed<2>> = {
  doc: `dy [M, out…, N], w [M, C, kernel…] → dx [C, inputShape…, N], the gradient of convChwn with respect to its input, as
convInputGradient with the batch innermost. groups must be 1 and N a number. Not differentiable: it is used in backward
graphs alone.`,

  operands: exactly(2),
  infer: (inputs, attributes, site) => {
    const [dy, w] = inputs;
    checkFloats(inputs, site);
    const x = { dtype: dy.dtype, shape: [concrete(w.shape[1], "weight size 1", site), ...attributes.inputShape, at(dy.shape, 3)] };
    const y = inferConvChwn(x, w, undefined, attributes, site);
    if (!sameShape(y.shape, dy.shape)) {
      throw shapeError(site, `dy is ${formatShape(dy.shape)}, a convChwn from ${formatShape(x.shape)} gives ${formatShape(y.shape)}`);
    }
    return [x];
  },

  grad: null,
  lower: convChwnInputGradientForm(joinAtOnce),
  macs: ([dy, w]) => [...w.shape.slice(1), ...dy.shape].reduce<number>((total, dim) => total * Number(dim), 1),
  window: () => "all",
};

/** The taps along one axis that reach the rows i with (i + begin) mod stride = phase. */
interface Phase {
  /** Their numbers, increasing. */
  readonly taps: readonly number[];
  /** Row q of the phase reads dy at q − offset, for each tap. */
  readonly offsets: readonly number[];
}

/**
 * Element i of the padded input is under tap k of window p where p·stride + dilation·k = i. With i = stride·q + phase the
 * taps of a phase are those with dilation·k = stride·offset + phase, and dx[q] = Σ dy[q − offset]·w[k]: a convolution at
 * stride 1 for each phase, of the taps that reach it alone. So no product with the zeros between the rows of dy is made.
 * The offsets of a phase lie equally far apart, which is the dilation of its convolution.
 */
function phasesOf(kernel: number, stride: number, dilation: number): readonly Phase[] {
  return Array.from({ length: stride }, (_, phase) => {
    const taps = Array.from({ length: kernel }, (_, k) => k).filter((k) => dilation * k >= phase && (dilation * k - phase) % stride === 0);
    return { taps, offsets: taps.map((k) => (dilation * k - phase) / stride) };
  });
}

interface Sizes {
  readonly channels: number;
  readonly outChannels: number;
  readonly batch: number;
  /** Spatial sizes of dy. */
  readonly out: readonly number[];
  /** Rows and columns of each phase. */
  readonly rows: readonly number[];
}

/** The form that joins phases in one way. */
export function convChwnInputGradientForm(join: Join): Form<ConvInputGradientAttributes, Fixed<2>> {
  return (site, attributes) => lowerByPhases(site, attributes, join);
}

function lowerByPhases(site: LowerSite<Fixed<2>, Fixed<1>>, attributes: ConvInputGradientAttributes, join: Join): readonly LoweredNode[] {
  const list = nodeList(site);
  const [dy, w] = site.inputs;
  const [outChannels, ...out] = firstOf(site.inputTypes[0].shape.map(Number), 4);
  const { kernelShape, strides, dilations, pads, inputShape } = attributes;
  const phases = kernelShape.map((kernel, axis) => phasesOf(kernel, at(strides, axis), at(dilations, axis)));
  const sizes: Sizes = {
    channels: Number(site.outputTypes[0].shape[0]),
    outChannels,
    batch: out[2],
    out: out.slice(0, 2),
    rows: phases.map((list, axis) => at(out, axis) + Math.max(...list.flatMap(({ offsets }) => offsets))),
  };
  const { channels, batch, rows } = sizes;
  const map = list.reshape("dy_map", dy, [1, outChannels, out[0], out[1] * batch]);
  const kernels = tapsLast(list, w, sizes, product(kernelShape));
  const [vertical, horizontal] = firstOf(phases, 2);
  const parts = vertical.flatMap((down, y) =>
    horizontal.map((across, x) => onePhase(list, `phase${y}_${x}`, { map, kernels, sizes, kernelShape, phases: [down, across] })),
  );
  const joined = parts.length === 1 ? at(parts, 0) : join(list, "phases", parts, 0);
  const split = list.reshape("phases_split", joined, [...strides, channels, ...rows, batch]);
  const woven = list.transpose("phases_woven", split, [2, 3, 0, 4, 1, 5]);
  const padded = rows.map((count, axis) => count * at(strides, axis));
  const whole = list.reshape("padded", woven, [channels, ...padded, batch]);
  const begins = padded.map((_, axis) => -at(pads, axis));
  const ends = padded.map((size, axis) => at(inputShape, axis) + at(pads, axis) - size);
  const dx = padLast(list, "dx", whole, [channels, ...padded, batch], { begins: [...begins, 0], ends: [...ends, 0] });
  list.reshape(0, dx, [channels, ...inputShape, batch]);
  return list.nodes;
}

/** w [M, C, K] → [C, M, K], in two exchanges of neighbors: ONNX Runtime does those several times faster than one of three axes. */
function tapsLast(list: NodeList, w: string, { channels, outChannels }: Sizes, taps: number): string {
  const matrix = list.reshape("kernel_matrix", w, [outChannels, channels * taps]);
  const columns = list.reshape("kernel_columns", list.transpose("kernel_transposed", matrix, [1, 0]), [channels, taps, outChannels]);
  return list.transpose("kernels", columns, [0, 2, 1]);
}

interface PhaseSite {
  readonly map: string;
  readonly kernels: string;
  readonly sizes: Sizes;
  readonly kernelShape: readonly number[];
  readonly phases: readonly [Phase, Phase];
}

/** One phase, [1, C, rows, columns·N]. Its taps, in reverse order, are picked by a product with a matrix of zeros and ones. */
function onePhase(list: NodeList, name: string, { map, kernels, sizes, kernelShape, phases }: PhaseSite): string {
  const { channels, outChannels, batch, out, rows } = sizes;
  const [down, across] = phases;
  const picked = down.taps.flatMap((y) => across.taps.map((x) => y * at(kernelShape, 1) + x)).reverse();
  const shape = [1, channels, at(rows, 0), at(rows, 1) * batch];
  // Between the taps of a wide stride nothing is read.
  if (picked.length === 0) return list.add("ConstantOfShape", name, [list.ints(`${name}_size`, shape)]);
  const taps = product(kernelShape);
  const selection = new Float32Array(taps * picked.length);
  for (const [column, tap] of picked.entries()) selection[tap * picked.length + column] = 1;
  const columns = list.add("MatMul", `${name}_taps`, [kernels, list.floats(`${name}_selection`, [taps, picked.length], selection)]);
  const kernel = list.reshape(`${name}_kernel`, columns, [channels, outChannels, down.taps.length, across.taps.length]);
  const unit = [1, batch];
  const begins = phases.map(({ offsets }, axis) => at(offsets, offsets.length - 1) * at(unit, axis));
  const ends = phases.map(({ offsets }, axis) => (at(rows, axis) - at(out, axis) - at(offsets, 0)) * at(unit, axis));
  // Of a single tap, the step is any.
  const steps = phases.map(({ offsets }, axis) => (offsets.length > 1 ? at(offsets, 1) - at(offsets, 0) : 1) * at(unit, axis));
  return list.add("Conv", name, [map, kernel], {
    kernel_shape: { ints: phases.map((phase) => phase.taps.length) },
    strides: { ints: [1, 1] },
    dilations: { ints: steps },
    pads: { ints: [...begins, ...ends] },
    group: { int: 1 },
  });
}

declare module "./op.js" {
  interface Ops {
    readonly convChwnInputGradient: typeof convChwnInputGradient;
  }
}
