/** The network as it runs in training: state instead of constants, batch statistics, fed dropout masks. */

import { isTrainable, type Node, type Parameter, typeOf } from "../../ir/graph.js";
import type { Ref } from "../../ops/build.js";
import { at } from "../../tensor/at.js";
import type { Shape } from "../../tensor/shape.js";
import { elementCount } from "../../tensor/tensor.js";
import { chwnLayout } from "./chwn.js";
import { type Layout, mapLayout, nchwLayout } from "./layout.js";
import { keepsAverages, type TrainingOptions } from "./options.js";
import { type PointwiseUnit, parallelUnits } from "./parallel.js";
import { feedInput, joined, parted, setNext, stateInput, type TrainingContext } from "./state.js";

/** What running the network in training gives. */
interface TrainingForward {
  /** The trained parameters and the values that gradients are taken of. */
  readonly trained: readonly { readonly parameter: Parameter; readonly flat: Ref; readonly view: Ref }[];
  /** The outputs of the network by name. */
  readonly outputs: ReadonlyMap<string, Ref>;
  /** The nodes from the inputs to the outputs, in order. */
  readonly nodes: readonly Node[];
}

/** Replays the nodes of the network into the training graph. */
export function trainingForward(context: TrainingContext, options: TrainingOptions): TrainingForward {
  const { b, network } = context;
  const values = inputValues(context, options);
  const trained = network.parameters.flatMap((parameter) => {
    const flat = stateInput(context, parameter, isTrainable(parameter) ? "parameter" : "statistic", parameter.path, null);
    const view = viewed(context, parameter, flat);
    values.set(parameter.path, view);
    return isTrained(parameter, options) ? [{ parameter, flat, view }] : [];
  });
  const normalized: NormalizedLayer[] = [];
  const before = b.nodes().length;
  const outputs = replayAll(context, options, values, normalized);
  const nodes = b.nodes().slice(before);
  updateStatistics(context, normalized, options.batchNormDecay ?? 0.9);
  return { trained, outputs, nodes };
}

/** The network as it is measured between epochs: running statistics, no dropout, the averaged parameters where there are any. */
export function evaluationForward(context: TrainingContext, options: TrainingOptions): ReadonlyMap<string, Ref> {
  const values = inputValues(context, options);
  for (const parameter of context.network.parameters) {
    const averaged = keepsAverages(options) && isTrained(parameter, options);
    const flat = averaged
      ? stateInput(context, parameter, "average", `${parameter.path}:average`, null)
      : stateInput(context, parameter, isTrainable(parameter) ? "parameter" : "statistic", parameter.path, null);
    values.set(parameter.path, viewed(context, parameter, flat));
  }
  return replayAll(context, { ...options, freezeBatchNorm: true, dropout: false }, values, []);
}

function inputValues(context: TrainingContext, { batchSize }: TrainingOptions): Map<string, Ref> {
  return new Map(
    context.network.inputs.map(({ name, type }) => {
      const shape = shapeInBatch(type.shape, batchSize);
      return [name, feedInput(context, { name, dtype: "float32", shape, meaning: "what the network reads: preprocessed images" })];
    }),
  );
}

function shapeInBatch(shape: Shape, batch: number): readonly number[] {
  return shape.map((dim) => (typeof dim === "number" ? dim : batch));
}

function replayAll(
  context: TrainingContext,
  options: TrainingOptions,
  values: Map<string, Ref>,
  normalized: NormalizedLayer[],
): ReadonlyMap<string, Ref> {
  const layout = mapLayout(context.network, options) === "nchw" ? nchwLayout(context.b) : chwnLayout(context.b, options.batchSize);
  const site: Replay = { context, options, layout, normalized };
  for (const { name } of context.network.inputs) values.set(name, layout.enter(known(values, name)));
  const together = new Map(
    layout.joinsUnits ? parallelUnits(context.network, (norm) => !keepsStatistics(context, options, norm)).flatMap(byNode) : [],
  );
  for (const node of context.network.nodes) {
    const units = together.get(node.path);
    if (units === undefined) {
      const outputs = replay(
        site,
        node,
        node.inputs.map((input) => known(values, input)),
      );
      for (const [index, output] of node.outputs.entries()) if (outputs[index]) values.set(output, outputs[index]);
    } else if (units[0]?.conv === node) {
      for (const [index, output] of replayTogether(site, units, values).entries()) values.set(at(at(units, index).relu.outputs, 0), output);
    }
  }
  return new Map(context.network.outputs.map(({ name, value }) => [name, layout.leave(known(values, value))]));
}

/** The group of each node of a group. */
function byNode(units: readonly PointwiseUnit[]): readonly (readonly [string, readonly PointwiseUnit[]])[] {
  return units.flatMap(({ conv, norm, relu }) => [conv, ...(norm ? [norm] : []), relu].map((node) => [node.path, units] as const));
}

function isTrained(parameter: Parameter, { isTrained: chosen = () => true }: TrainingOptions): boolean {
  return isTrainable(parameter) && chosen(parameter);
}

/** A batch normalization that used the statistics of its batch. */
interface NormalizedLayer {
  /** The normalizations of the network whose channels it has, in order. */
  readonly members: readonly Node[];
  readonly mean: Ref;
  readonly variance: Ref;
  /** Elements that each statistic is taken over. */
  readonly count: number;
}

/** State is flat, because a runtime adds and scales flat tensors several times faster; layers see the parameter's shape. */
function viewed({ b }: TrainingContext, { path, type }: Parameter, flat: Ref): Ref {
  return type.shape.length === 1 ? flat : b.add("reshape", `${path}:view`, [flat], { shape: type.shape.map(Number) });
}

interface Replay {
  readonly context: TrainingContext;
  readonly options: TrainingOptions;
  readonly layout: Layout;
  readonly normalized: NormalizedLayer[];
}

function replay(site: Replay, node: Node, inputs: readonly Ref[]): readonly Ref[] {
  const { context, options, layout } = site;
  const [x] = inputs;
  if (node.op === "dropout" && x) return options.dropout === false || node.attributes.dropRate === 0 ? [x] : dropped(site, node, x);
  if (node.op === "batchNormalization" && !keepsStatistics(context, options, node))
    return [normalizedByBatch(site, node.path, [node], inputs)];
  return layout.emit(node, inputs);
}

/** One normalization for the channels of all `members`. */
function normalizedByBatch({ layout, normalized }: Replay, path: string, members: readonly Node[], [x, scale, shift]: readonly Ref[]): Ref {
  if (x === undefined || scale === undefined || shift === undefined) throw new RangeError(`Cannot train "${path}": it lacks inputs`);
  const node = { op: "batchNormalizationTraining", path, attributes: { epsilon: Number(members[0]?.attributes.epsilon) } };
  const [y, mean, variance] = layout.emit(node, [x, scale, shift]);
  if (y === undefined || mean === undefined || variance === undefined) throw new RangeError(`Cannot train "${path}": it lacks outputs`);
  normalized.push({ members, mean, variance, count: elementCount(x.type.shape.map(Number)) / Number(x.type.shape[1]) });
  return y;
}

/** Units on one value as one unit with the channels of all; returns what leaves each. */
function replayTogether(site: Replay, units: readonly PointwiseUnit[], values: ReadonlyMap<string, Ref>): readonly Ref[] {
  const { layout, context } = site;
  const { conv } = at(units, 0);
  const convs = units.map((unit) => unit.conv);
  const norms = units.flatMap(({ norm }) => (norm ? [norm] : []));
  const path = `${conv.path}.parallel`;
  const operand = (node: Node, index: number): Ref => known(values, at(node.inputs, index));
  const side = (name: string, nodes: readonly Node[], index: number): Ref =>
    joined(
      context.b,
      `${path}.${name}`,
      nodes.map((node) => operand(node, index)),
    );
  const biases = conv.inputs.length > 2 ? [side("biases", convs, 2)] : [];
  const operands = [operand(conv, 0), side("kernels", convs, 1), ...biases];
  let y = at(layout.emit({ op: "conv", path, attributes: conv.attributes }, operands), 0);
  if (norms.length > 0) {
    y = normalizedByBatch(site, `${path}.norm`, norms, [y, side("scales", norms, 1), side("shifts", norms, 2)]);
  }
  y = at(layout.emit({ op: "relu", path: `${path}.relu`, attributes: {} }, [y]), 0);
  const sizes = convs.map((node) => Number(operand(node, 1).type.shape[0]));
  return layout.emit({ op: "split", path: `${path}.parts`, attributes: { axis: 1, sizes } }, [y]);
}

/** Whether a normalization uses its running statistics: where it is told to, or neither its scale nor its shift is trained. */
function keepsStatistics({ network }: TrainingContext, options: TrainingOptions, node: Node): boolean {
  if (options.freezeBatchNorm === true) return true;
  const own = network.parameters.filter(({ path }) => node.inputs.includes(path));
  return !own.some((parameter) => isTrained(parameter, options));
}

/**
 * Inverted dropout: the mask holds 0 where an element is dropped and 1/(1 − rate) elsewhere, so that the expected value
 * is that of inference. The mask is fed, since ONNX's random operators give other numbers on each runtime.
 */
function dropped({ context, options, layout }: Replay, node: Node, x: Ref): readonly Ref[] {
  const rate = Number(node.attributes.dropRate);
  const mask = feedInput(context, {
    name: `dropout:${node.path}`,
    dtype: "float32",
    shape: shapeInBatch(typeOf(context.network, at(node.outputs, 0)).shape, options.batchSize),
    meaning: `dropout mask: 0 with probability ${rate}, else ${1 / (1 - rate)}`,
    dropRate: rate,
  });
  return layout.emit({ op: "mul", path: node.path, attributes: {} }, [x, layout.enter(mask)]);
}

/**
 * running ← decay · running + (1 − decay) · batch, with the unbiased variance of the batch (n/(n − 1) times the biased
 * one), as PyTorch keeps it. All layers at once: the statistics are joined to one vector.
 */
function updateStatistics(context: TrainingContext, layers: readonly NormalizedLayer[], decay: number): void {
  if (layers.length === 0) return;
  const { b } = context;
  const pieces = layers.flatMap(({ members, mean, variance, count }) => [
    { paths: members.map(({ inputs }) => at(inputs, 3)), batch: mean, factor: 1 - decay },
    // One element has no unbiased variance; PyTorch refuses such a batch, here the biased one stands in.
    { paths: members.map(({ inputs }) => at(inputs, 4)), batch: variance, factor: (1 - decay) * (count > 1 ? count / (count - 1) : 1) },
  ]);
  const paths = pieces.flatMap((piece) => piece.paths);
  const factors = pieces.flatMap(({ batch, factor }) => Array.from({ length: Number(batch.type.shape[0]) }, () => factor));
  const running = joined(
    b,
    "statistics.running",
    paths.map((path) => b.ref(path)),
  );
  const batch = joined(
    b,
    "statistics.batch",
    pieces.map((piece) => piece.batch),
  );
  const factor = b.add("constant", "statistics.factor", [], { shape: [factors.length], values: factors });
  const next = b.add(
    "add",
    "statistics.next",
    [b.add("scale", "statistics.kept", [running], { factor: decay }), b.add("mul", "statistics.taken", [batch, factor], {})],
    {},
  );
  const sizes = paths.map((path) => Number(b.ref(path).type.shape[0]));
  for (const [index, part] of parted(b, "statistics.parts", next, sizes).entries()) setNext(context, at(paths, index), part);
}

function known(values: ReadonlyMap<string, Ref>, name: string): Ref {
  const value = values.get(name);
  if (value === undefined) throw new RangeError(`Cannot find value "${name}"`);
  return value;
}
