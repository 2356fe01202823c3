import { chooseNamed, resolveOptions } from "../options.js";
import { ADADELTA_OPTIONS, adadelta } from "./adadelta.js";
import { ADAGRAD_OPTIONS, adagrad } from "./adagrad.js";
import { ADAM_OPTIONS, ADAMW_OPTIONS, adam, adamw } from "./adam.js";
import type { Optimizer, OptimizerKind } from "./optimizer.js";
import { RMSPROP_OPTIONS, RMSPROP_TF_OPTIONS, rmsprop, rmspropTf } from "./rmsprop.js";
import { SGD_OPTIONS, sgd } from "./sgd.js";

/** Every optimizer, sorted. To add one: its file, its line here, its trajectory in test/goldens/ops/optim.json. */
export const OPTIMIZERS = {
  adadelta: {
    doc: "Gradients over their root mean square, times that of the movements.",
    source: "Zeiler, arXiv:1212.5701",
    options: ADADELTA_OPTIONS,
    create: (given) => adadelta(resolveOptions("adadelta", ADADELTA_OPTIONS, given)),
  },
  adagrad: {
    doc: "Gradients over the root of the sum of their squares.",
    source: "Duchi et al., JMLR 12 (2011)",
    options: ADAGRAD_OPTIONS,
    create: (given) => adagrad(resolveOptions("adagrad", ADAGRAD_OPTIONS, given)),
  },
  adam: {
    doc: "Mean gradients over their root mean square; L2 weight decay.",
    source: "Kingma and Ba, arXiv:1412.6980",
    options: ADAM_OPTIONS,
    create: (given) => adam(resolveOptions("adam", ADAM_OPTIONS, given)),
  },
  adamw: {
    doc: "Adam with decoupled weight decay.",
    source: "Loshchilov and Hutter, arXiv:1711.05101",
    options: ADAMW_OPTIONS,
    create: (given) => adamw(resolveOptions("adamw", ADAMW_OPTIONS, given)),
  },
  rmsprop: {
    doc: "Gradients over their root mean square, epsilon outside the root, with momentum.",
    source: "torch.optim.RMSprop",
    options: RMSPROP_OPTIONS,
    create: (given) => rmsprop(resolveOptions("rmsprop", RMSPROP_OPTIONS, given)),
  },
  rmsprop_tf: {
    doc: "RMSProp in TensorFlow's form, epsilon inside the root: the optimizer of the papers from Inception-v3 on.",
    source: "timm's RMSpropTF, after TensorFlow's RMSPropOptimizer",
    options: RMSPROP_TF_OPTIONS,
    create: (given) => rmspropTf(resolveOptions("rmsprop_tf", RMSPROP_TF_OPTIONS, given)),
  },
  sgd: {
    doc: "Gradient descent with (Nesterov) momentum.",
    source: "torch.optim.SGD",
    options: SGD_OPTIONS,
    create: (given) => sgd(resolveOptions("sgd", SGD_OPTIONS, given)),
  },
} as const satisfies Readonly<Record<string, OptimizerKind>>;

/** An optimizer by name. */
export type OptimizerName = keyof typeof OPTIMIZERS;

/**
 * The optimizer that a record describes: its name and any of its options; the rest have their defaults.
 *
 * @param record - as it comes from a recipe, a run's configuration or a command line
 * @throws InceptionError OPTION_INVALID naming what is wrong and what is accepted
 *
 * @example
 * ```ts
 * import { optimizerOf } from "inceptionkit/train";
 * const optimizer = optimizerOf({ name: "rmsprop_tf", epsilon: 1, weightDecay: 4e-5 });
 * optimizer.slots.map(({ name }) => name); // ["square_sum", "momentum"]
 * ```
 */
export function optimizerOf(record: unknown): Optimizer {
  const [kind, given] = chooseNamed<OptimizerKind>("optimizer", OPTIMIZERS, record);
  return kind.create(given);
}
