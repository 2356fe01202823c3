/** The network as it runs in training: state instead of constants, batch statistics, fed dropout masks. */
import { isTrainable, type Node, type Parameter } from "../../ir/graph.js";
import type { Ref } from "../../ops/build.js";
import { elementCount } from "../../tensor/tensor.js";
import type { TrainingOptions } from "./options.js";
import { feedInput, joined, parted, setNext, stateInput, type TrainingContext } from "./state.js";

/** What running the network in training gives. */
export interface TrainingForward {
  /** The trained parameters and the values that gradients are taken of. */
  readonly trained: readonly { readonly parameter: Parameter; readonly flat: Ref; readonly view: Ref }[];
  /** The outputs of the network by name. */
  readonly outputs: ReadonlyMap<string, Ref>;
}

/** Replays the nodes of the network into the training graph. */
export function trainingForward(context: TrainingContext, options: TrainingOptions): TrainingForward {
  const { network } = context;
  const values = inputValues(context, options);
  const trained = network.parameters.flatMap((parameter) => {
    const flat = stateInput(context, parameter, isTrainable(parameter) ? "parameter" : "statistic", parameter.path, null);
    const view = viewed(context, parameter, flat);
    values.set(parameter.path, view);
    return isTrained(parameter, options) ? [{ parameter, flat, view }] : [];
  });
  const normalized: NormalizedLayer[] = [];
  const outputs = replayAll(context, options, values, normalized);
  updateStatistics(context, normalized, options.batchNormDecay ?? 0.9);
  return { trained, outputs };
}

/** The network as it is measured between epochs: running statistics, no dropout, the averaged parameters where there are any. */
export function evaluationForward(context: TrainingContext, options: TrainingOptions): ReadonlyMap<string, Ref> {
  const values = inputValues(context, options);
  for (const parameter of context.network.parameters) {
    const averaged = options.averageDecay !== undefined && isTrained(parameter, options);
    const flat = averaged
      ? stateInput(context, parameter, "average", `${parameter.path}:average`, null)
      : stateInput(context, parameter, isTrainable(parameter) ? "parameter" : "statistic", parameter.path, null);
    values.set(parameter.path, viewed(context, parameter, flat));
  }
  return replayAll(context, { ...options, freezeBatchNorm: true, dropout: false }, values, []);
}

function inputValues(context: TrainingContext, { batch }: TrainingOptions): Map<string, Ref> {
  return new Map(
    context.network.inputs.map(({ name, type }) => {
      const shape = type.shape.map((dim) => (typeof dim === "number" ? dim : batch));
      return [name, feedInput(context, { name, dtype: "float32", shape, meaning: "what the network reads: preprocessed images" })];
    }),
  );
}

function replayAll(
  context: TrainingContext,
  options: TrainingOptions,
  values: Map<string, Ref>,
  normalized: NormalizedLayer[],
): ReadonlyMap<string, Ref> {
  for (const node of context.network.nodes) {
    const inputs = node.inputs.map((input) => known(values, input));
    const outputs = replay(context, options, node, inputs, normalized);
    for (const [index, output] of node.outputs.entries()) if (outputs[index]) values.set(output, outputs[index]);
  }
  return new Map(context.network.outputs.map(({ name, value }) => [name, known(values, value)]));
}

export function isTrained(parameter: Parameter, { isTrained: chosen = () => true }: TrainingOptions): boolean {
  return isTrainable(parameter) && chosen(parameter);
}

/** A batch normalisation that used the statistics of its batch. */
interface NormalizedLayer {
  readonly meanPath: string;
  readonly variancePath: string;
  readonly mean: Ref;
  readonly variance: Ref;
  /** Elements that each statistic is taken over. */
  readonly count: number;
}

/** State is flat, because a runtime adds and scales flat tensors several times faster; layers see the parameter's shape. */
function viewed({ b }: TrainingContext, { path, type }: Parameter, flat: Ref): Ref {
  return type.shape.length === 1 ? flat : b.add("reshape", `${path}:view`, [flat], { shape: type.shape.map(Number) });
}

function replay(
  context: TrainingContext,
  options: TrainingOptions,
  node: Node,
  inputs: readonly Ref[],
  normalized: NormalizedLayer[],
): readonly Ref[] {
  const { b } = context;
  const [x] = inputs;
  if (node.op === "dropout" && x) return [options.dropout === false || node.attributes.dropRate === 0 ? x : dropped(context, node, x)];
  if (node.op === "batchNormalization" && !keepsStatistics(context, options, node)) {
    const [values, scale, shift] = inputs;
    const [, , , meanPath = "", variancePath = ""] = node.inputs;
    if (values === undefined || scale === undefined || shift === undefined)
      throw new RangeError(`Cannot train "${node.path}": it lacks inputs`);
    const [y, mean, variance] = b.addAll("batchNormalizationTraining", node.path, [values, scale, shift], {
      epsilon: Number(node.attributes.epsilon),
    });
    if (y === undefined || mean === undefined || variance === undefined)
      throw new RangeError(`Cannot train "${node.path}": it lacks outputs`);
    const count = elementCount(values.type.shape.map(Number)) / Number(values.type.shape[1]);
    normalized.push({ meanPath, variancePath, mean, variance, count });
    return [y];
  }
  return b.addNode(node.op, node.path, inputs, node.attributes);
}

/** Whether a normalisation uses its running statistics: where it is told to, or neither its scale nor its shift is trained. */
function keepsStatistics({ network }: TrainingContext, options: TrainingOptions, node: Node): boolean {
  if (options.freezeBatchNorm === true) return true;
  const own = network.parameters.filter(({ path }) => node.inputs.includes(path));
  return !own.some((parameter) => isTrained(parameter, options));
}

/**
 * Inverted dropout: the mask holds 0 where an element is dropped and 1/(1 − rate) elsewhere, so that the expected value
 * is that of inference. The mask is fed, since ONNX's random operators give other numbers on each runtime.
 */
function dropped(context: TrainingContext, node: Node, x: Ref): Ref {
  const rate = Number(node.attributes.dropRate);
  const mask = feedInput(context, {
    name: `dropout:${node.path}`,
    dtype: "float32",
    shape: x.type.shape.map(Number),
    meaning: `dropout mask: 0 with probability ${rate}, else ${1 / (1 - rate)}`,
    dropRate: rate,
  });
  return context.b.add("mul", node.path, [x, mask], {});
}

/**
 * running ← decay · running + (1 − decay) · batch, with the unbiased variance of the batch (n/(n − 1) times the biased
 * one), as PyTorch keeps it. All layers at once: the statistics are joined to one vector.
 */
function updateStatistics(context: TrainingContext, layers: readonly NormalizedLayer[], decay: number): void {
  if (layers.length === 0) return;
  const { b } = context;
  const pieces = layers.flatMap(({ meanPath, variancePath, mean, variance, count }) => [
    { path: meanPath, batch: mean, factor: 1 - decay },
    // One element has no unbiased variance; PyTorch refuses such a batch, here the biased one stands in.
    { path: variancePath, batch: variance, factor: (1 - decay) * (count > 1 ? count / (count - 1) : 1) },
  ]);
  const sizes = pieces.map(({ batch }) => Number(batch.type.shape[0]));
  const factors = pieces.flatMap(({ factor }, index) => Array.from({ length: sizes[index] ?? 0 }, () => factor));
  const running = joined(
    b,
    "statistics.running",
    pieces.map(({ path }) => b.ref(path)),
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
  for (const [index, part] of parted(b, "statistics.parts", next, sizes).entries()) setNext(context, pieces[index]?.path ?? "", part);
}

function known(values: ReadonlyMap<string, Ref>, name: string): Ref {
  const value = values.get(name);
  if (value === undefined) throw new RangeError(`Cannot find value "${name}"`);
  return value;
}
