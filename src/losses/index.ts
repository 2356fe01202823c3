export { type CrossEntropyOptions, crossEntropy } from "./cross-entropy.js";
export {
  type DiceCrossEntropyOptions,
  type DiceOptions,
  dice,
  diceCrossEntropy,
  type NnunetOptions,
  nnunetDiceCrossEntropy,
} from "./dice.js";
export { isLossName, LOSSES, type LossName } from "./losses.js";
export { oneHotTargets } from "./targets.js";
