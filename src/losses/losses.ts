import { InceptionError } from "../errors.js";
import type { GraphBuilder, Ref } from "../ops/build.js";
import { asymmetric } from "./asymmetric.js";
import { binaryCrossEntropy } from "./binary-cross-entropy.js";
import { type CrossEntropyOptions, crossEntropy } from "./cross-entropy.js";
import { diceCrossEntropy, nnunetDiceCrossEntropy } from "./dice.js";

/** What training may ask of any loss. */
type LossOptions = Pick<CrossEntropyOptions, "labelSmoothing" | "classWeights">;

type Loss = (b: GraphBuilder, path: string, logits: Ref, targets: Ref, options: LossOptions) => Ref;

/** Every loss by the name that options give it, sorted. To add one: its file, its line here, its value in test/goldens/ops/. */
export const LOSSES = {
  asymmetric,
  binary_cross_entropy: binaryCrossEntropy,
  cross_entropy: crossEntropy,
  dice_cross_entropy: diceCrossEntropy,
  nnunet_dice_cross_entropy: (b, path, logits, targets, { labelSmoothing = 0, classWeights }) => {
    if (labelSmoothing === 0 && classWeights === undefined) return nnunetDiceCrossEntropy(b, path, logits, targets);
    const text = "Cannot train with loss nnunet_dice_cross_entropy: it supports neither label smoothing nor class weights";
    throw new InceptionError("OPTION_INVALID", text, { labelSmoothing, classWeights });
  },
} as const satisfies Readonly<Record<string, Loss>>;

export type LossName = keyof typeof LOSSES;

export function isLossName(name: string): name is LossName {
  return Object.hasOwn(LOSSES, name);
}

/** Whether a loss decides on each class by itself, so that an image may have several classes or none. */
export function isMultiLabelLoss(name: string): boolean {
  return name === "asymmetric" || name === "binary_cross_entropy";
}
