/** Settings with names: the papers' and those that this project uses. Data; to add one, add it here. */
import type { DecayTarget } from "../optim/index.js";
import type { Initializer } from "../weights/index.js";

/** How a network is trained. Every field can be changed on the command line. */
export interface Recipe {
  /** Where the settings come from, and what they are for. */
  readonly source: string;
  readonly epochs: number;
  /** Images per step. */
  readonly batchSize: number;
  readonly optimizer: Readonly<Record<string, number | string | boolean | readonly number[]>>;
  /** Which parameters weight decay acts on. */
  readonly weightDecayOn: DecayTarget;
  readonly learningRate: number;
  /** A schedule without its learning rate; "length" is the number of epochs where it is left out of a cosine or polynomial one. */
  readonly schedule: Readonly<Record<string, number | string | boolean | readonly number[]>>;
  readonly labelSmoothing: number;
  readonly auxWeight: number;
  readonly clipNorm: number | null;
  readonly emaDecay: number | null;
  readonly batchNormDecay: number;
  /** Name of an augmentation. */
  readonly augmentation: string;
  readonly mixup: number;
  readonly cutmix: number;
  /** Frozen parameters: "none", "backbone", "except-last:K", "except-last:P%" or path patterns; see `trainedParameters`. */
  readonly freeze: string;
  /** What is frozen in later epochs: "none" or as in "3=except-last:3,6=none"; see `trainingPhases`. */
  readonly unfreeze: string;
  /** Factor on the learning rate per stage before the classifier; see `layerDecayFactors`. */
  readonly layerDecay: number;
  /** Initializer of parameters without pretrained weights. */
  readonly initializer: Initializer;
}

const PAPER_RMSPROP = { name: "rmsprop_tf", decay: 0.9, momentum: 0, epsilon: 1 };
const STAIRCASE = { name: "exponential", unit: "epoch", factor: 0.94, every: 2, staircase: true };

/** Named sets of training settings, each with its source. */
export const RECIPES = {
  finetune: {
    source:
      "inceptionkit default for fine-tuning pretrained weights on a few hundred to a few thousand images: low learning rate, mild crops, cosine decay.",
    epochs: 10,
    batchSize: 16,
    optimizer: { name: "sgd", momentum: 0.9, weightDecay: 1e-4 },
    weightDecayOn: "kernels",
    learningRate: 0.005,
    schedule: { name: "cosine", unit: "fractional_epoch", warmUp: 0.5, warmUpFrom: 0.1 },
    labelSmoothing: 0.1,
    auxWeight: 0.3,
    clipNorm: 5,
    emaDecay: null,
    batchNormDecay: 0.9,
    augmentation: "light",
    mixup: 0,
    cutmix: 0,
    freeze: "none",
    unfreeze: "none",
    layerDecay: 1,
    initializer: "xavier_uniform",
  },
  // A candidate to become "finetune"; tools/recipe-table.mjs compares the two.
  finetune_adamw: {
    source:
      "inceptionkit, experimental: AdamW (arXiv:1711.05101) on the last half of the stages, with a learning rate that falls with the distance from the classifier, one operation of RandAugment (arXiv:1909.13719) per image, and EMA weights.",
    epochs: 15,
    batchSize: 16,
    optimizer: { name: "adamw", weightDecay: 0.05 },
    weightDecayOn: "kernels",
    learningRate: 0.001,
    schedule: { name: "cosine", unit: "fractional_epoch", warmUp: 0.5, warmUpFrom: 0.1 },
    labelSmoothing: 0.1,
    auxWeight: 0,
    clipNorm: 5,
    emaDecay: 0.98,
    batchNormDecay: 0.9,
    augmentation: "rand_augment_1",
    mixup: 0,
    cutmix: 0,
    freeze: "except-last:50%",
    unfreeze: "none",
    layerDecay: 0.85,
    initializer: "xavier_uniform",
  },
  googlenet_paper: {
    source:
      "arXiv:1409.4842, section 6: SGD with momentum 0.9, learning rate reduced by 4% every 8 epochs, EMA weights, auxiliary loss weight 0.3. The paper does not state the base learning rate and weight decay; 0.01 and 2e-4 are from the Caffe model.",
    epochs: 250,
    batchSize: 32,
    optimizer: { name: "sgd", momentum: 0.9, weightDecay: 2e-4 },
    weightDecayOn: "kernels",
    learningRate: 0.01,
    schedule: { name: "exponential", unit: "epoch", factor: 0.96, every: 8, staircase: true },
    labelSmoothing: 0,
    auxWeight: 0.3,
    clipNorm: null,
    emaDecay: 0.9999,
    batchNormDecay: 0.9,
    augmentation: "inception",
    mixup: 0,
    cutmix: 0,
    freeze: "none",
    unfreeze: "none",
    layerDecay: 1,
    initializer: "truncated_normal",
  },
  head: {
    source: "inceptionkit default for training only the classifier on frozen features, which are computed once.",
    epochs: 60,
    batchSize: 50,
    optimizer: { name: "sgd", momentum: 0.9, weightDecay: 1e-3 },
    weightDecayOn: "kernels",
    learningRate: 0.02,
    schedule: { name: "cosine", unit: "fractional_epoch" },
    labelSmoothing: 0,
    auxWeight: 0,
    clipNorm: null,
    emaDecay: null,
    batchNormDecay: 0.9,
    augmentation: "none",
    mixup: 0,
    cutmix: 0,
    freeze: "backbone",
    unfreeze: "none",
    layerDecay: 1,
    initializer: "xavier_uniform",
  },
  paper: {
    source:
      "arXiv:1602.07261, section 4: RMSProp with decay 0.9 and epsilon 1, learning rate 0.045 reduced by 6% every two epochs, EMA weights for evaluation. The paper trains on 20 replicas; gradient clipping at norm 2 and label smoothing 0.1 are from arXiv:1512.00567.",
    epochs: 100,
    batchSize: 32,
    optimizer: PAPER_RMSPROP,
    weightDecayOn: "kernels",
    learningRate: 0.045,
    schedule: STAIRCASE,
    labelSmoothing: 0.1,
    auxWeight: 0.4,
    clipNorm: 2,
    emaDecay: 0.999,
    batchNormDecay: 0.997,
    augmentation: "inception",
    mixup: 0,
    cutmix: 0,
    freeze: "none",
    unfreeze: "none",
    layerDecay: 1,
    initializer: "he_normal",
  },
  scratch: {
    source: "inceptionkit default for training from scratch on small datasets of small images: SGD with Nesterov momentum, cosine decay.",
    epochs: 30,
    batchSize: 32,
    optimizer: { name: "sgd", momentum: 0.9, nesterov: true, weightDecay: 5e-4 },
    weightDecayOn: "kernels",
    learningRate: 0.05,
    schedule: { name: "cosine", unit: "fractional_epoch", warmUp: 1, warmUpFrom: 0.1 },
    labelSmoothing: 0.1,
    auxWeight: 0.3,
    clipNorm: 5,
    emaDecay: null,
    batchNormDecay: 0.9,
    augmentation: "cifar",
    mixup: 0,
    cutmix: 0,
    freeze: "none",
    unfreeze: "none",
    layerDecay: 1,
    initializer: "he_normal",
  },
  slim: {
    source:
      "Defaults of TensorFlow slim's train_image_classifier: RMSProp with decay 0.9, momentum 0.9 and epsilon 1, learning rate 0.01 reduced by 6% every two epochs, weight decay 4e-5 on kernels, running-statistics decay 0.9997.",
    epochs: 100,
    batchSize: 32,
    optimizer: { ...PAPER_RMSPROP, momentum: 0.9, weightDecay: 4e-5 },
    weightDecayOn: "kernels",
    learningRate: 0.01,
    schedule: STAIRCASE,
    labelSmoothing: 0,
    auxWeight: 0.4,
    clipNorm: null,
    emaDecay: null,
    batchNormDecay: 0.9997,
    augmentation: "inception",
    mixup: 0,
    cutmix: 0,
    freeze: "none",
    unfreeze: "none",
    layerDecay: 1,
    initializer: "he_normal",
  },
} as const satisfies Readonly<Record<string, Recipe>>;

/** A recipe by name. */
export type RecipeName = keyof typeof RECIPES;

/** In the order in which a user should consider them. */
export const RECIPE_NAMES: readonly RecipeName[] = ["scratch", "finetune", "finetune_adamw", "head", "paper", "slim", "googlenet_paper"];

/** Recipes that mean another one for a family of networks: "paper" is the family's own paper. */
const FAMILY_RECIPES: Readonly<Record<string, Readonly<Record<string, RecipeName>>>> = { googlenet: { paper: "googlenet_paper" } };

/** The recipe that a name means for a family of networks; a name that means none stays as it is. */
export function familyRecipe(family: string, recipe: string): string {
  return FAMILY_RECIPES[family]?.[recipe] ?? recipe;
}
