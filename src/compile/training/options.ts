import type { Parameter } from "../../ir/graph.js";
import type { LossName } from "../../losses/index.js";
import type { MapLayout } from "../../ops/op.js";
import type { Optimizer } from "../../optim/index.js";
import type { TargetOptions } from "../targets/index.js";

/** How a training step is made out of a network. Everything here becomes part of the emitted graph. */
export interface TrainingOptions extends TargetOptions {
  /** Images per run; a training graph has a fixed batch, at least 1. */
  readonly batchSize: number;
  /** The optimizer of a parameter: one object for all, or others for those without weight decay. */
  readonly optimizer: (parameter: Parameter) => Optimizer;
  /**
   * Loss function: the cross-entropy of each image, or of each voxel where the logits are maps; or, for logits that are
   * maps, its sum with the Dice loss, MONAI's of all classes or nnU-Net's without the background (less 1: from about -1 up).
   * For images with several classes or none the sigmoid cross-entropy or the asymmetric loss, means over images and classes.
   * Default "cross_entropy".
   */
  readonly loss?: LossName;
  /** Probability mass spread evenly over all classes in the cross-entropy, in [0, 1). Default 0. */
  readonly labelSmoothing?: number;
  /** Weight of each class in the cross-entropy, one per class. Default: all 1. */
  readonly classWeights?: readonly number[];
  /** Weight of the loss of each auxiliary classifier (outputs "aux…"). Default 0.4, as slim's and torchvision's. */
  readonly auxWeight?: number;
  /**
   * How the targets are fed: "probabilities", float32 [batch, classes], rows that sum to 1 (one-hot, or mixtures) or,
   * for several classes per image, with 1 for each class that is present; or "indices",
   * int32 [batch], where a label outside the classes leaves an image out. For logits that are maps, [batch, classes,
   * spatial…] and [batch, spatial…], where such a label leaves a position out of the cross-entropy. Default "probabilities".
   */
  readonly targetFormat?: "probabilities" | "indices";
  /** Scale the gradients down so that their norm over all parameters is at most this. Default: not. */
  readonly clipNorm?: number;
  /** Cut each element of the gradients to [−clipValue, clipValue], before `clipNorm`. Default: not. */
  readonly clipValue?: number;
  /**
   * Decay of the exponential moving average (EMA) of the parameters, in [0, 1); 0 keeps none. It is warmed up as in
   * TensorFlow: update number s uses min(emaDecay, (1 + s) / (10 + s)), where s is the state "step" plus 1. The program
   * "evaluate" uses the averages. Default: none.
   */
  readonly emaDecay?: number;
  /** Decay of the running statistics, in [0, 1). Default 0.9, which is PyTorch's `momentum=0.1`. */
  readonly batchNormDecay?: number;
  /** Normalize with the running statistics, which then stay as they are, also where scale and shift are trained. Default false. */
  readonly freezeBatchNorm?: boolean;
  /** Whether a parameter is trained. Default: all are. A batch normalization whose parameters are not uses its running statistics. */
  readonly isTrained?: (parameter: Parameter) => boolean;
  /** Factor on the learning rate of a parameter. Default 1 for all. */
  readonly learningRateMultiplier?: (parameter: Parameter) => number;
  /** Feed a mask per dropout ("dropout:<path>", 0 or 1/(1 − rate) per element) instead of leaving dropout out. Default true. */
  readonly dropout?: boolean;
  /**
   * "step": one program. "accumulate": two programs, `accumulate` adds the gradients of a batch to the state and `update` uses
   * their sum, so that several batches, or several machines, make one step. Default "step".
   */
  readonly form?: "step" | "accumulate";
  /** Compute inner values of the forward pass again in the backward pass instead of keeping them. Default false. */
  readonly checkpointActivations?: boolean;
  /**
   * How maps lie in memory inside the graph: "nchw", as the network describes them, or "chwn", with the batch innermost, where
   * convolutions and their gradients need no loop over images. Feeds, state and outputs are the same. Default "chwn"; under
   * the target "webgpu" and for networks of volumes "nchw".
   */
  readonly layout?: MapLayout;
}

/** Whether averages of the trained parameters are kept. */
export function keepsAverages({ emaDecay = 0 }: Pick<TrainingOptions, "emaDecay">): boolean {
  return emaDecay > 0;
}

/** What a piece of state is. */
export type StateKind = "parameter" | "statistic" | "slot" | "average" | "gradient" | "counter";

/** A piece of state: an input of the same name that an output `<name>:next` replaces after each run. */
export interface StateTensor {
  readonly name: string;
  readonly kind: StateKind;
  /** The parameter that it belongs to; the name itself for the step counter. */
  readonly parameter: string;
  /** Shape of the parameter in the network. The state itself is flat: [product of the shape], row-major; [] for the counter. */
  readonly shape: readonly number[];
  /** First value of all elements; null where it is the parameter's own. */
  readonly initial: number | null;
}

/** An input that is fed with each run. */
export interface TrainingFeed {
  readonly name: string;
  readonly dtype: "float32" | "int32";
  readonly shape: readonly number[];
  readonly meaning: string;
  /** Of a dropout mask: the probability that an element is 0. */
  readonly dropRate?: number;
}
