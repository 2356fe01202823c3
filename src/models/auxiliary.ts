import type { BranchContext } from "../layers/branches.js";
import { convBlock } from "../layers/conv-block.js";
import { linear } from "../layers/head.js";
import { averagePool } from "../layers/pooling.js";
import type { Ref } from "../ops/build.js";

/**
 * The auxiliary classifier of slim and torchvision since Inception-v3, used in training only: average pool 5×5 /3, a 1×1
 * convolution to 128, a convolution to 768 without padding, linear. On the 17×17 map of a 299-pixel input the second
 * convolution's kernel covers all that is left, 5×5; on others slim's Inception-v4 and Inception-ResNet-v2 cut the kernel
 * to the map ("map"), and torchvision keeps 5×5 and averages ("fixed"). The output is "aux" [N, numClasses].
 *
 * @param x - [N, C, H, W], H and W at least 5; with "fixed" at least 17
 */
export function auxiliaryHead({ b, style, width }: BranchContext, x: Ref, numClasses: number, kernel: "map" | "fixed"): void {
  const path = "AuxLogits";
  const pooled = averagePool(b, `${path}.pool`, x, { size: 5, stride: 3 }, false);
  const reduced = convBlock(b, `${path}.conv0`, pooled, { outChannels: width(128), kernelShape: [1, 1] }, style);
  const kernelShape = kernel === "fixed" ? [5, 5] : reduced.type.shape.slice(2).map(Number);
  const hidden = convBlock(b, `${path}.conv1`, reduced, { outChannels: width(768), kernelShape, padding: "valid" }, style);
  const averaged = kernel === "fixed" ? b.add("globalAveragePool", `${path}.avgpool`, [hidden], {}) : hidden;
  const logits = linear(b, `${path}.fc`, b.add("flatten", `${path}.flatten`, [averaged], {}), numClasses);
  b.output("aux", b.stage(path, b.module(path, logits)));
}
