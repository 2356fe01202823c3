/** From gradients to the next state: clipping, optimizer, moving average. */
import type { Parameter } from "../../ir/graph.js";
import type { GraphBuilder, Ref } from "../../ops/build.js";
import { clipByNorm, clipByValue, type Optimizer, updateEma } from "../../optim/index.js";
import { elementCount } from "../../tensor/tensor.js";
import { keepsAverages, type TrainingOptions } from "./options.js";
import { counterInput, feedInput, joined, parted, setNext, stateInput, type TrainingContext } from "./state.js";

/** A trained parameter with its gradient, both flat. */
export interface Trained {
  readonly parameter: Parameter;
  readonly flat: Ref;
  readonly gradient: Ref;
}

/** Adds the update of every trained parameter; output "gradientNorm" [] where gradients are clipped by norm. */
export function updateParameters(context: TrainingContext, options: TrainingOptions, trained: readonly Trained[]): void {
  const { b } = context;
  const learningRate = feedInput(context, { name: "learningRate", dtype: "float32", shape: [], meaning: "the learning rate of this step" });
  const counter = counterInput(context);
  const step = b.add("add", "step:one_more", [counter, b.add("constant", "step:one", [], { shape: [], values: [1] })], {});
  setNext(context, counter.id, step);
  const clipped = clip(context, options, trained);
  for (const group of groups(options, clipped)) updateGroup(context, options, group, learningRate, step);
}

function clip(context: TrainingContext, { clipNorm, clipValue }: TrainingOptions, trained: readonly Trained[]): readonly Trained[] {
  const { b } = context;
  let gradients = trained.map(({ gradient }) => gradient);
  if (clipValue !== undefined) gradients = [...clipByValue(b, "clip_value", gradients, clipValue)];
  if (clipNorm !== undefined) {
    const result = clipByNorm(b, "clip_norm", gradients, clipNorm);
    gradients = [...result.gradients];
    context.outputs.push({ name: "gradientNorm", value: result.norm });
  }
  return trained.map((item, index) => ({ ...item, gradient: gradients[index] ?? item.gradient }));
}

/** Parameters that one chain of operators updates. */
interface Group {
  readonly path: string;
  readonly optimizer: Optimizer;
  readonly factor: number;
  readonly members: readonly Trained[];
}

/**
 * Up to this many elements a parameter is updated together with others: the operators that join and part a few vectors
 * cost less than a chain of operators for each of hundreds of small ones.
 */
const SMALL = 4096;

/**
 * So many small parameters, neighbors in the network, are updated together. The gradient of a bias is a sum over all that
 * flows back into its layer, which is held until the update asks for it: one update of all would hold it for all layers.
 */
const MAX_TOGETHER = 16;

function groups(
  { optimizer, learningRateMultiplier: learningRateFactor = () => 1 }: TrainingOptions,
  trained: readonly Trained[],
): readonly Group[] {
  const optimizers: Optimizer[] = [];
  const small = new Map<string, Group>();
  const large: Group[] = [];
  for (const item of trained) {
    const chosen = optimizer(item.parameter);
    if (!optimizers.includes(chosen)) optimizers.push(chosen);
    const factor = learningRateFactor(item.parameter);
    if (elementCount(item.parameter.type.shape.map(Number)) > SMALL) {
      large.push({ path: `update.${item.parameter.path}`, optimizer: chosen, factor, members: [item] });
      continue;
    }
    const path = `update.small.${optimizers.indexOf(chosen)}.${factor}`;
    small.set(path, { path, optimizer: chosen, factor, members: [...(small.get(path)?.members ?? []), item] });
  }
  return [...large, ...[...small.values()].flatMap(neighbors)];
}

/** A group in parts of up to `MAX_TOGETHER`. */
function neighbors(group: Group): readonly Group[] {
  return Array.from({ length: Math.ceil(group.members.length / MAX_TOGETHER) }, (_, index) => ({
    ...group,
    path: `${group.path}.${index}`,
    members: group.members.slice(index * MAX_TOGETHER, (index + 1) * MAX_TOGETHER),
  }));
}

function updateGroup(context: TrainingContext, options: TrainingOptions, group: Group, learningRate: Ref, step: Ref): void {
  const { b } = context;
  const { path, optimizer, factor, members } = group;
  const sizes = members.map(({ flat }) => Number(flat.type.shape[0]));
  const vectors = (kind: string, values: readonly Ref[]) => joined(b, `${path}.${kind}`, values);
  const slotNames = optimizer.slots.map(({ name }) => name);
  const slots = optimizer.slots.map(({ name, initial }) =>
    vectors(
      name,
      members.map(({ parameter }) => stateInput(context, parameter, "slot", `${parameter.path}:${name}`, initial)),
    ),
  );
  const parameter = vectors(
    "parameters",
    members.map(({ flat }) => flat),
  );
  const updated = optimizer.update(b, path, {
    parameter,
    gradient: vectors(
      "gradients",
      members.map(({ gradient }) => gradient),
    ),
    slots,
    learningRate: factor === 1 ? learningRate : b.add("scale", `${path}.learning_rate`, [learningRate], { factor }),
    step,
  });
  const store = (kind: string, vector: Ref, nameOf: (member: Parameter) => string) => {
    for (const [index, part] of parted(b, `${path}.next_${kind}`, vector, sizes).entries()) {
      const member = members[index];
      if (member) setNext(context, nameOf(member.parameter), part);
    }
  };
  store("parameters", updated.parameter, (member) => member.path);
  for (const [index, name] of slotNames.entries()) {
    const next = updated.slots[index];
    if (next) store(name, next, (member) => `${member.path}:${name}`);
  }
  const { emaDecay = 0 } = options;
  if (!keepsAverages(options)) return;
  const average = vectors(
    "average",
    members.map((member) => stateInput(context, member.parameter, "average", `${member.parameter.path}:average`, null)),
  );
  const next = updateEma(b, `${path}.averaged`, { average, parameter: updated.parameter, decay: emaDecay, step });
  store("average", next, (member) => `${member.path}:average`);
}

/** Adds the gradients to what earlier batches of the same step left: sum ← keep · sum + share · gradient. */
export function accumulateGradients(context: TrainingContext, trained: readonly Trained[]): void {
  const { b } = context;
  const keep = feedInput(context, {
    name: "keep",
    dtype: "float32",
    shape: [],
    meaning: "0 for the first batch of a step, 1 for the others",
  });
  const share = feedInput(context, {
    name: "share",
    dtype: "float32",
    shape: [],
    meaning: "the part that this batch is of the step: 1/number of batches",
  });
  for (const { parameter, gradient } of trained) {
    const name = `${parameter.path}:gradient`;
    const sum = stateInput(context, parameter, "gradient", name, 0);
    setNext(context, name, scaledSum(b, `accumulate.${parameter.path}`, { sum, keep, gradient, share }));
  }
}

function scaledSum(b: GraphBuilder, path: string, { sum, keep, gradient, share }: Record<"sum" | "keep" | "gradient" | "share", Ref>): Ref {
  const kept = b.add("mul", `${path}.kept`, [sum, keep], {});
  return b.add("add", path, [kept, b.add("mul", `${path}.taken`, [gradient, share], {})], {});
}
