/**
 * From a described network to a training step.
 *
 *   Graph ──1 select──► Graph ──2 forward──► values ──3 loss──► scalar ──4 backward──► gradients ──5 update──► next state
 *                                                                                                        │
 *                            ONNX bytes ◄──8 encode── ONNX nodes ◄──7 lower── Graph ◄──6 prune───────────┘
 *
 * State (parameters, running statistics, optimizer slots, averages) goes in as inputs and comes out as outputs, so that
 * anything that runs ONNX can train. The backward pass and the optimizer are ops like any other.
 */
import { gradients } from "../../autodiff/gradient.js";
import { segments } from "../../autodiff/segments.js";
import { InceptionError } from "../../errors.js";
import type { EncodedModel } from "../../formats/onnx/encode.js";
import { type Graph, type Node, typeOf } from "../../ir/graph.js";
import { selectOutputs } from "../../ir/prune.js";
import { GraphBuilder } from "../../ops/build.js";
import { checkGraph } from "../../ops/index.js";
import { elementCount, float32Tensor, type Tensor } from "../../tensor/tensor.js";
import { composePointwise } from "../compose.js";
import { emitModel } from "../emit.js";
import { lowerGraph } from "../lower.js";
import { checkTarget } from "../targets/index.js";
import { shareViews } from "../views.js";
import { evaluationForward, trainingForward } from "./forward.js";
import { loweredLayout } from "./layout.js";
import { trainingLoss } from "./loss.js";
import type { StateTensor, TrainingFeed, TrainingOptions } from "./options.js";
import { memoryOrder } from "./order.js";
import { trainingReadme } from "./readme.js";
import { stateInput, type TrainingContext } from "./state.js";
import { accumulateGradients, type Trained, updateParameters } from "./update.js";

/** One emitted program: its graph, and which of its inputs are state. */
export interface CompiledProgram {
  readonly graph: Graph;
  readonly model: EncodedModel;
  /** State that the program changes: the input of that name is replaced by the output. */
  readonly state: readonly { readonly input: string; readonly output: string }[];
  /** State that it only reads. */
  readonly reads: readonly string[];
  readonly feeds: readonly TrainingFeed[];
  /** Outputs that are not state: "loss", "logits", "gradientNorm". */
  readonly outputs: readonly string[];
}

/** The ONNX programs of a training step and the state they share. */
export interface CompiledTraining {
  /** "step", or "accumulate" and "update"; and "evaluate", which gives "logits" and changes nothing. */
  readonly programs: Readonly<Record<string, CompiledProgram>>;
  /** All state of all programs. */
  readonly state: readonly StateTensor[];
}

/**
 * Emit training steps of a network as ONNX models.
 *
 * @param network - a classifier with output "logits" and maybe auxiliary outputs "aux…"; other outputs are left out
 * @throws InceptionError OPTION_INVALID for options out of range, SHAPE_INVALID where an op cannot be differentiated
 *
 * @example
 * ```ts
 * import { compileTraining, sgd } from "inceptionkit/core";
 * import { describeModel } from "inceptionkit/models";
 * const network = describeModel("googlenet", { inputSize: 64, widthMultiplier: 0.125, numClasses: 10 });
 * const optimizer = sgd({ momentum: 0.9 });
 * const { programs, state } = compileTraining(network, { batchSize: 8, optimizer: () => optimizer });
 * console.log(Object.keys(programs), state.length);
 * ```
 */
export function compileTraining(network: Graph, options: TrainingOptions): CompiledTraining {
  checkTarget(network.name, options);
  checkOptions(network, options);
  // 1. The classifier and its auxiliary heads.
  const classifier = selectTrained(network);
  const selected = options.optimize === false ? classifier : composePointwise(classifier);
  const changing = options.form === "accumulate" ? accumulateForm(selected, options) : { step: stepProgram(selected, options) };
  const contexts = { ...changing, evaluate: evaluateProgram(selected, options) };
  const programs = Object.fromEntries(Object.entries(contexts).map(([name, context]) => [name, finishProgram(context, name, options)]));
  const state = new Map(
    Object.values(contexts).flatMap((context) => [...context.state].map(([name, { tensor }]) => [name, tensor] as const)),
  );
  return { programs, state: [...state.values()] };
}

/** The part of a network that is trained: its outputs "logits" and "aux…". */
export function selectTrained(network: Graph): Graph {
  const names = network.outputs.map(({ name }) => name).filter((name) => name === "logits" || name.startsWith("aux"));
  if (names.includes("logits")) return checkGraph(selectOutputs(network, names));
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot train "${network.name}": it has no output "logits"; describe it with \`options.numClasses\``,
    { model: network.name },
  );
}

/** First values of all state: the parameters' own, and what each optimizer starts its slots with. */
export function initialState(compiled: CompiledTraining, parameters: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  return new Map(compiled.state.map((tensor) => [tensor.name, initialTensor(tensor, parameters)]));
}

function initialTensor({ name, kind, parameter, shape, initial }: StateTensor, parameters: ReadonlyMap<string, Tensor>): Tensor {
  const count = elementCount(shape);
  const flat = kind === "counter" ? [] : [count];
  if (initial !== null) return float32Tensor(flat, new Float32Array(count).fill(initial));
  const value = parameters.get(parameter);
  if (!(value?.data instanceof Float32Array) || value.data.length !== count) {
    throw new InceptionError(
      "WEIGHTS_MISMATCH",
      `Cannot train: parameter "${parameter}" has no float32 value of shape [${shape.join(", ")}]`,
      { name },
    );
  }
  return float32Tensor(flat, value.data.slice());
}

function newContext(network: Graph): TrainingContext {
  return { b: new GraphBuilder(network.name), network, state: new Map(), feeds: [], outputs: [] };
}

function stepProgram(network: Graph, options: TrainingOptions): TrainingContext {
  const context = newContext(network);
  updateParameters(context, options, differentiated(context, options));
  return context;
}

function accumulateForm(network: Graph, options: TrainingOptions): Record<string, TrainingContext> {
  const accumulate = newContext(network);
  const trained = differentiated(accumulate, options);
  accumulateGradients(accumulate, trained);
  const update = newContext(network);
  const sums = trained.map(({ parameter }) => ({
    parameter,
    flat: stateInput(update, parameter, "parameter", parameter.path, null),
    gradient: stateInput(update, parameter, "gradient", `${parameter.path}:gradient`, 0),
  }));
  updateParameters(update, options, sums);
  return { accumulate, update };
}

function evaluateProgram(network: Graph, options: TrainingOptions): TrainingContext {
  const context = newContext(checkGraph(selectOutputs(network, ["logits"])));
  const logits = evaluationForward(context, options).get("logits");
  if (logits) context.outputs.push({ name: "logits", value: logits });
  return context;
}

/** 2 to 4: forward pass, loss and the gradient of each trained parameter, flat. */
function differentiated(context: TrainingContext, options: TrainingOptions): readonly Trained[] {
  const { b } = context;
  const { trained, outputs, nodes } = trainingForward(context, options);
  const loss = trainingLoss(context, options, outputs);
  const found = gradients(
    b,
    loss,
    trained.map(({ view }) => view),
    options.checkpointActivations === true ? { recompute: forwardSegments(context, nodes) } : {},
  );
  return trained.map(({ parameter, flat }, index) => {
    const gradient = found[index];
    if (!gradient) throw new RangeError(`Cannot train "${parameter.path}": the loss does not depend on it`);
    const rank = gradient.type.shape.length;
    const count = elementCount(gradient.type.shape.map(Number));
    return {
      parameter,
      flat,
      gradient: rank === 1 ? gradient : b.add("reshape", `${parameter.path}:flat_gradient`, [gradient], { shape: [count] }),
    };
  });
}

/** The parts of the network that are run again in the backward pass. */
function forwardSegments({ b }: TrainingContext, nodes: readonly Node[]): readonly (readonly Node[])[] {
  const made = new Set(nodes.flatMap(({ outputs }) => outputs));
  return segments(
    nodes,
    (value) => !made.has(value),
    (value) => b.ref(value).type,
  );
}

/** 6 to 8: drop what nothing needs, lower, encode. */
function finishProgram(context: TrainingContext, name: string, options: TrainingOptions): CompiledProgram {
  const changed = [...context.state].flatMap(([input, { next }]) => (next ? [{ input, output: `${input}:next`, value: next.id }] : []));
  const outputs = [
    ...changed.map(({ output, value }) => ({ name: output, value })),
    ...context.outputs.map((output) => ({ name: output.name, value: output.value.id })),
  ];
  for (const output of outputs) context.b.output(output.name, context.b.ref(output.value));
  const kept = selectOutputs(
    context.b.draft(),
    outputs.map((output) => output.name),
  );
  const graph = checkGraph(memoryOrder(kept, updateOrder(context)));
  const shown = new Set(graph.outputs.map((output) => output.value));
  const { nodes, constants } = shareViews(
    lowerGraph(graph, { ...options, layout: loweredLayout(context.network, options) }),
    shown,
    (value) => graph.types.get(value)?.shape,
  );
  const used = new Set(graph.inputs.map((input) => input.name));
  const reads = [...context.state].filter(([input, { next }]) => next === null && used.has(input)).map(([input]) => input);
  const program = {
    state: changed.map(({ input, output }) => ({ input, output })),
    reads,
    feeds: context.feeds,
    outputs: context.outputs.map((output) => output.name),
  };
  const model = emitModel({
    name: `${graph.name}.${name}`,
    nodes,
    initializers: constants,
    inputs: graph.inputs.map(({ name: input, type }) => ({ name: input, dtype: type.dtype, shape: type.shape })),
    outputs: graph.outputs.map((output) => ({ value: output.value, info: { name: output.name, ...typeOf(graph, output.value) } })),
    metadata: trainingReadme(context, program, options.emaDecay),
    naming: "rename",
  });
  return { graph, model, ...program };
}

/** Where in the network the parameter lies whose update gives an output; null for outputs that are no update's. */
function updateOrder({ state }: TrainingContext): (output: string) => number | null {
  const updated = [...state.values()].map(({ tensor }) => tensor).filter(({ kind }) => kind !== "statistic" && kind !== "counter");
  const positions = new Map([...new Set(updated.map(({ parameter }) => parameter))].map((path, index) => [path, index] as const));
  const ranks = new Map<string, number | null>(
    updated.map(({ name, parameter }) => [`${name}:next`, positions.get(parameter) ?? null] as const),
  );
  return (output) => ranks.get(output) ?? null;
}

function checkOptions(network: Graph, options: TrainingOptions): void {
  const { batchSize, auxWeight = 0.4, clipNorm = 1, clipValue = 1, emaDecay = 0.5, batchNormDecay = 0.9 } = options;
  const rules = [
    { name: "batchSize", value: batchSize, expected: "an integer of at least 1", holds: Number.isInteger(batchSize) && batchSize >= 1 },
    { name: "auxWeight", value: auxWeight, expected: "a number of at least 0", holds: auxWeight >= 0 },
    { name: "clipNorm", value: clipNorm, expected: "a positive number", holds: clipNorm > 0 },
    { name: "clipValue", value: clipValue, expected: "a positive number", holds: clipValue > 0 },
    { name: "emaDecay", value: emaDecay, expected: "a number in [0, 1)", holds: emaDecay >= 0 && emaDecay < 1 },
    { name: "batchNormDecay", value: batchNormDecay, expected: "a number in [0, 1)", holds: batchNormDecay >= 0 && batchNormDecay < 1 },
  ];
  for (const { name, value, expected, holds } of rules) {
    if (holds && Number.isFinite(value)) continue;
    throw new InceptionError("OPTION_INVALID", `Cannot train "${network.name}" with ${name} ${value}: expected ${expected}`, {
      name,
      value,
    });
  }
}
