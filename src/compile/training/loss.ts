import { InceptionError } from "../../errors.js";
import { isLossName, isMultiLabelLoss, LOSSES, oneHotTargets } from "../../losses/index.js";
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
  const { loss: name = "cross_entropy", labelSmoothing = 0, classWeights } = options;
  // A caller in JavaScript may pass anything.
  if (!isLossName(name)) {
    const text = `Cannot train "${context.network.name}" with loss ${JSON.stringify(name)}: expected one of ${Object.keys(LOSSES).join(", ")}`;
    throw new InceptionError("OPTION_INVALID", text, { loss: name });
  }
  const lossOf = LOSSES[name];
  const targets = fedTargets(context, options, logits);
  const lossOptions = { labelSmoothing, ...(classWeights === undefined ? {} : { classWeights }) };
  const main = lossOf(b, "loss.main", logits, targets, lossOptions);
  const auxiliary = [...outputs].filter(([head]) => head !== "logits");
  const weighted = auxiliary.map(([head, value]) => {
    const loss = lossOf(b, `loss.${head}`, value, targets, lossOptions);
    context.outputs.push({ name: `loss:${head}`, value: loss });
    return b.add("scale", `loss.${head}.weighted`, [loss], { factor: options.auxWeight ?? AUX_WEIGHT });
  });
  const loss = weighted.length === 0 ? main : b.add("sum", "loss.total", [main, ...weighted], {});
  context.outputs.push({ name: "loss", value: loss }, { name: "logits", value: logits });
  return loss;
}

function fedTargets(context: TrainingContext, { loss, targetFormat = "probabilities", batchSize }: TrainingOptions, logits: Ref): Ref {
  const [, classes, ...positions] = logits.type.shape.map(Number);
  if (classes === undefined) throw new RangeError(`Cannot feed targets: the logits "${logits.id}" have no axis of classes`);
  const each = positions.length === 0 ? "image" : "position of each image";
  if (targetFormat === "probabilities") {
    return feedInput(context, {
      name: "targets",
      dtype: "float32",
      shape: [batchSize, classes, ...positions],
      meaning:
        loss !== undefined && isMultiLabelLoss(loss)
          ? `the truth: for each ${each} a row over the classes, 1 for each that is present and 0 for the others`
          : `the truth: for each ${each} a row over the classes that sums to 1, one-hot or a mixture`,
    });
  }
  const meaning = `the truth: a class index for each ${each}`;
  const labels = feedInput(context, { name: "labels", dtype: "int32", shape: [batchSize, ...positions], meaning });
  return oneHotTargets(context.b, "loss.targets", labels, classes);
}
