export { type AsymmetricOptions, asymmetric } from "./asymmetric.js";
export type { BinaryOptions } from "./binary.js";
export { binaryCrossEntropy } from "./binary-cross-entropy.js";
export { type CrossEntropyOptions, crossEntropy } from "./cross-entropy.js";
export {
  type DiceCrossEntropyOptions,
  type DiceOptions,
  dice,
  diceCrossEntropy,
  type NnunetOptions,
  nnunetDiceCrossEntropy,
} from "./dice.js";
export { isLossName, isMultiLabelLoss, LOSSES, type LossName } from "./losses.js";
export { oneHotTargets } from "./targets.js";
