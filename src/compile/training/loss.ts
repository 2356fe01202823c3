import { crossEntropy, oneHotTargets } from "../../losses/index.js";
import type { Ref } from "../../ops/build.js";
import type { TrainingOptions } from "./options.js";
import { feedInput, type TrainingContext } from "./state.js";

/** slim's and torchvision's weight of an auxiliary classifier; GoogLeNet's paper has 0.3. */
const AUX_WEIGHT = 0.4;

/** The loss of the classifier and, weighted, of its auxiliary classifiers; outputs "loss" [] and "logits". */
export function trainingLoss(context: TrainingContext, options: TrainingOptions, outputs: ReadonlyMap<string, Ref>): Ref {
  const { b } = context;
  const logits = outputs.get("logits");
  if (logits === undefined) throw new RangeError(`Cannot train "${context.network.name}": it has no output "logits"`);
  const targets = fedTargets(context, options, logits);
  const { labelSmoothing = 0, classWeights } = options;
  const lossOptions = { labelSmoothing, ...(classWeights === undefined ? {} : { classWeights }) };
  const main = crossEntropy(b, "loss.main", logits, targets, lossOptions);
  const auxiliary = [...outputs].filter(([name]) => name !== "logits");
  const weighted = auxiliary.map(([name, value]) => {
    const loss = crossEntropy(b, `loss.${name}`, value, targets, lossOptions);
    context.outputs.push({ name: `loss:${name}`, value: loss });
    return b.add("scale", `loss.${name}.weighted`, [loss], { factor: options.auxWeight ?? AUX_WEIGHT });
  });
  const loss = weighted.length === 0 ? main : b.add("sum", "loss.total", [main, ...weighted], {});
  context.outputs.push({ name: "loss", value: loss }, { name: "logits", value: logits });
  return loss;
}

function fedTargets(context: TrainingContext, { truth = "targets", batch }: TrainingOptions, logits: Ref): Ref {
  const classes = Number(logits.type.shape[1]);
  if (truth === "targets") {
    return feedInput(context, {
      name: "targets",
      dtype: "float32",
      shape: [batch, classes],
      meaning: "the truth: one row for each image that sums to 1, one-hot or a mixture",
    });
  }
  const labels = feedInput(context, { name: "labels", dtype: "int32", shape: [batch], meaning: "the truth: a class index for each image" });
  return oneHotTargets(context.b, "loss.targets", labels, classes);
}
