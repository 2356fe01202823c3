import { type Optimizer, optimizerOf } from "../optim/index.js";
import type { GoldenField } from "./golden-field.js";
import { type GoldenEntry, type GoldenInput, readEntry, readInput } from "./golden-file.js";

/**
 * A golden of training: what a public implementation computes in one forward and backward pass and in five steps of
 * each optimizer. The schema is in test/goldens/README.md.
 */
export interface TrainingGolden {
  /** Name of the case, which decides the tolerances. */
  readonly name: string;
  readonly model: string;
  readonly input: GoldenInput;
  /** Class of each image. */
  readonly labels: readonly number[];
  readonly numClasses: number;
  readonly auxiliary: boolean;
  /** Keys and shapes of the source's checkpoint, where the file lists them. */
  readonly stateDict: readonly GoldenEntry[] | null;
  readonly gradients: readonly GoldenGradients[];
  readonly trajectories: readonly GoldenTrajectory[];
}

/** One forward and backward pass. */
export interface GoldenGradients {
  readonly name: string;
  /** Whether batch normalization used its running statistics. */
  readonly frozen: boolean;
  readonly loss: number;
  /** Unweighted: the classifier, then the auxiliary classifiers in the order of the network. */
  readonly parts: readonly number[];
  readonly logits: readonly number[];
  readonly gradients: ReadonlyMap<string, GoldenSamples>;
  /** Norm of the gradient of every parameter. */
  readonly norms: ReadonlyMap<string, number>;
  /** Parameters whose true gradient is 0, for which a float32 run has rounding noise only. */
  readonly zero: readonly string[];
  /** Running statistics after the pass; empty where they are frozen. */
  readonly statistics: ReadonlyMap<string, GoldenSamples>;
}

/** Five steps of an optimizer, always on the same batch. */
export interface GoldenTrajectory {
  readonly name: string;
  readonly optimizer: Optimizer;
  readonly learningRate: number;
  /** Before each of the five steps and after the last, each with the deviation of the source's own float32 run. */
  readonly losses: readonly { readonly value: number; readonly noise: number }[];
  readonly logits: readonly number[];
  /** Largest deviation of the source's own float32 run in the logits. */
  readonly logitsNoise: number;
  readonly movements: ReadonlyMap<string, GoldenMovement>;
  readonly statistics: ReadonlyMap<string, GoldenSamples>;
}

/** A tensor by its norm and two times 16 elements (`sampleIndices`). */
export interface GoldenSamples {
  readonly count: number;
  readonly l2: number;
  readonly samples: readonly number[];
}

/** A parameter after five steps. */
export interface GoldenMovement extends GoldenSamples {
  /** Norm of the movement over all elements. */
  readonly distance: number;
  /** Samples of the movement, where the file has them; else they follow from the values. */
  readonly moved: readonly number[] | null;
  /** Deviation of the source's own float32 run, as a share of the movement. */
  readonly noise: number;
}

/** How every training golden defines its loss: these goldens vary the network, not the loss. */
export const GOLDEN_LOSS = { labelSmoothing: 0.1, auxWeight: 0.4 } as const;
const LOSS_DEFINITION = "cross_entropy(mean over batch, label_smoothing=0.1) + 0.4 * the same of every aux head";

const STEPS = 5;
// Of the small networks' float32 goldens the largest batch is 4; 64 images keep a stranger's file from asking for all memory.
const MAX_IMAGES = 64;
const MAX_CLASSES = 100_000;

/** Whether a golden file is one of training. */
export function isTrainingGolden(root: GoldenField): boolean {
  return root.find("step0_bn_train") !== null;
}

/**
 * Read a training golden.
 *
 * @throws InceptionError FILE_CORRUPT naming the field that is missing or of another kind; FILE_UNSUPPORTED for another
 *   loss or an optimizer that is not here
 */
export function readTrainingGolden(root: GoldenField): TrainingGolden {
  const definition = root.get("loss_definition").string();
  if (definition !== LOSS_DEFINITION) throw root.get("loss_definition").unsupported("loss", definition, LOSS_DEFINITION);
  const numClasses = root.get("num_classes").count(1, MAX_CLASSES);
  const labels = root
    .get("labels")
    .list()
    .map((label) => label.count(0, numClasses - 1));
  const input = readInput(root.get("input"));
  const [images = 0] = input.shape;
  if (input.shape.length !== 4 || images > MAX_IMAGES || images !== labels.length) {
    throw root.get("input").get("shape").fault(`[${labels.length}, channels, height, width] with at most ${MAX_IMAGES} images`);
  }
  const gradients = (["step0_bn_train", "step0_bn_eval"] as const).map((name) => readGradients(name, root.get(name)));
  return {
    name: root.get("case").string(),
    model: root.get("model").string(),
    input,
    labels,
    numClasses,
    auxiliary: gradients.some(({ parts }) => parts.length > 1),
    stateDict: root.find("state_dict")?.list().map(readEntry) ?? null,
    gradients,
    trajectories: (root.find("optimisers")?.entries() ?? []).map(([name, value]) => readTrajectory(name, value)),
  };
}

function readGradients(name: string, value: GoldenField): GoldenGradients {
  const statistics = value.find("running_stats_after_one_forward");
  return {
    name,
    frozen: statistics === null,
    loss: value.get("loss").number(),
    parts: value.get("loss_parts_main_then_aux").numbers(),
    logits: readLogits(value.get("logits")),
    gradients: readMap(value.get("grads"), readSamples),
    norms: readMap(value.get("grad_l2_all"), (norm) => norm.number()),
    zero: value
      .get("params_with_zero_gradient")
      .list()
      .map((path) => path.string()),
    statistics: statistics === null ? new Map() : readMap(statistics, readSamples),
  };
}

function readTrajectory(name: string, value: GoldenField): GoldenTrajectory {
  const options = value.get("options");
  const losses = value.get("losses_before_each_step_then_after");
  const noise = value.get("losses_f32_diff").numbers();
  const values = losses.numbers();
  if (values.length !== STEPS + 1 || noise.length !== STEPS + 1) throw losses.fault(`${STEPS + 1} losses, each with its deviation`);
  return {
    name,
    optimizer: readOptimizer(options),
    learningRate: options.get("lr").number(),
    losses: values.map((loss, index) => ({ value: loss, noise: noise[index] ?? 0 })),
    logits: readLogits(value.get("train_mode_logits_after_5")),
    logitsNoise: value.get("train_mode_logits_after_5_f32_maxdiff").number(),
    movements: readMap(value.get("params_after_5"), readMovement),
    statistics: readMap(value.get("buffers_after_5"), readSamples),
  };
}

/** The source's optimizer classes under our names; weight decay is on all parameters in each. */
function readOptimizer(options: GoldenField): Optimizer {
  const kind = options.get("class").string();
  const weightDecay = options.get("weight_decay").number();
  if (kind === "torch.optim.SGD") {
    const [momentum, dampening] = [options.get("momentum").number(), options.get("dampening").number()];
    return optimizerOf({ name: "sgd", momentum, dampening, nesterov: options.get("nesterov").boolean(), weightDecay });
  }
  if (kind === "timm.optim.RMSpropTF") {
    const [decay, epsilon, momentum] = [options.get("alpha").number(), options.get("eps").number(), options.get("momentum").number()];
    const [centered, learningRateInMomentum] = [options.get("centered").boolean(), options.get("lr_in_momentum").boolean()];
    return optimizerOf({ name: "rmsprop_tf", decay, epsilon, momentum, centered, learningRateInMomentum, weightDecay });
  }
  if (kind === "torch.optim.AdamW") {
    const [beta1, beta2] = options.get("betas").numbers();
    return optimizerOf({
      name: "adamw",
      beta1,
      beta2,
      epsilon: options.get("eps").number(),
      amsgrad: options.get("amsgrad").boolean(),
      weightDecay,
    });
  }
  throw options.get("class").unsupported("optimizer", kind, "torch.optim.SGD, timm.optim.RMSpropTF or torch.optim.AdamW");
}

function readLogits(rows: GoldenField): readonly number[] {
  return rows.list().flatMap((row) => row.numbers());
}

function readSamples(value: GoldenField): GoldenSamples {
  return { count: value.get("numel").number(), l2: value.get("l2").number(), samples: pairOf(value, "grid", "scatter") };
}

function readMovement(value: GoldenField): GoldenMovement {
  return {
    ...readSamples(value),
    distance: value.get("delta_l2").number(),
    moved: value.find("delta_grid") === null ? null : pairOf(value, "delta_grid", "delta_scatter"),
    noise: value.get("f32_delta_rel_l2_diff").number(),
  };
}

const GRID = 16;

function pairOf(value: GoldenField, grid: string, scatter: string): readonly number[] {
  return [grid, scatter].flatMap((name) => {
    const samples = value.get(name).numbers();
    if (samples.length !== GRID) throw value.get(name).fault(`${GRID} numbers`);
    return samples;
  });
}

/** Where the samples lie in a tensor of so many elements: `grid`, then `scatter`. */
export function sampleIndices(count: number): readonly number[] {
  const grid = Array.from({ length: GRID }, (_, k) => Math.floor((k * count) / GRID));
  return [...grid, ...grid.map((index, k) => (index + 4391 + 7919 * k) % count)];
}

function readMap<T>(value: GoldenField, read: (item: GoldenField) => T): ReadonlyMap<string, T> {
  return new Map(value.entries().map(([name, item]) => [name, read(item)]));
}
