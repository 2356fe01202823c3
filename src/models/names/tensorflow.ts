/**
 * Names of variables in TensorFlow's checkpoints (slim, facenet) and in Keras' files, from tables of layers.
 *
 * slim: `SCOPE/LAYER/LEAF`, a layer being a path such as `Mixed_5b/Branch_1/Conv2d_0a_1x1`. Keras: `LAYER/LEAF`, layers being
 * numbered in the order in which the network was built.
 */
import { TENSORFLOW } from "../../weights/conventions/convention.js";
import type { NameMap } from "../../weights/name-map.js";

/** A block of a network: our path, slim's scope for it and its convolutions, in the order in which Keras numbers them. */
export interface NamedBlock {
  /** Our path of the block, matched whole; a group is the block's index, from 0. */
  readonly path: RegExp;
  readonly scope: (index: number) => string;
  /** slim's layer of each of our units in the block. */
  readonly layers: Readonly<Record<string, string>>;
  /** The block in Keras Applications; absent where Keras has no such network. */
  readonly keras?: KerasBlock;
}

export interface KerasBlock {
  /** Number of the first convolution, counted from 1, without those that have names of their own. */
  readonly first: number;
  /** How much higher that number is in the next block of a row. */
  readonly step?: number;
  /**
   * How Keras 3 counts the convolutions, those with names included: the number of the block's first, counted from 0, and the
   * places in `layers` in the order in which they are saved.
   */
  readonly saved: { readonly first: number; readonly order: readonly number[] };
}

/** A network's blocks, and the units outside of blocks, whose path is "". */
export type NamedBlocks = readonly NamedBlock[];

/** What follows the name of a layer: the part of our path behind the unit, and what it is called there. */
interface Leaf {
  readonly unit: string;
  readonly slim: string;
  readonly keras: string;
  /** Whether it belongs to the normalization behind a convolution. */
  readonly norm: boolean;
}

const KERNEL_LEAVES: ReadonlyMap<string, Pick<Leaf, "slim" | "keras">> = new Map([
  ["weight", { slim: "weights", keras: "kernel" }],
  ["bias", { slim: "biases", keras: "bias" }],
]);
const NORM_LEAVES: ReadonlyMap<string, Pick<Leaf, "slim" | "keras">> = new Map([
  ["weight", { slim: "BatchNorm/gamma", keras: "gamma" }],
  ["bias", { slim: "BatchNorm/beta", keras: "beta" }],
  ["running_mean", { slim: "BatchNorm/moving_mean", keras: "moving_mean" }],
  ["running_var", { slim: "BatchNorm/moving_variance", keras: "moving_variance" }],
]);
const SEPARABLE_LEAVES: ReadonlyMap<string, string> = new Map([
  ["depthwise.weight", "depthwise_weights"],
  ["pointwise.weight", "pointwise_weights"],
  ["pointwise.bias", "biases"],
]);

/** `x.conv.weight`, `x.bn.bias`, `x_bn.running_mean`, `x.weight` and `x.depthwise.weight` are leaves of the unit x. */
export function leafOf(path: string): Leaf {
  const separable = /^(.*)\.((?:depthwise|pointwise)\.(?:weight|bias))$/.exec(path);
  const separableLeaf = SEPARABLE_LEAVES.get(separable?.[2] ?? "");
  if (separable && separableLeaf) return { unit: separable[1] ?? "", slim: separableLeaf, keras: separableLeaf, norm: false };
  const [, unit = "", kind = "", leaf = ""] = /^(.*?)(\.conv|[._]bn)?\.(weight|bias|running_mean|running_var)$/.exec(path) ?? [];
  const norm = kind.endsWith("bn");
  const names = (norm ? NORM_LEAVES : KERNEL_LEAVES).get(leaf) ?? { slim: leaf, keras: leaf };
  return { unit, ...names, norm };
}

interface Found {
  readonly block: NamedBlock;
  readonly index: number;
  readonly unit: string;
  readonly layer: string;
}

/** The block that has a unit; null for a unit of another network. */
export function findUnit(blocks: NamedBlocks, unit: string): Found | null {
  for (const block of blocks) {
    for (const [name, layer] of Object.entries(block.layers)) {
      if (unit !== name && !unit.endsWith(`.${name}`)) continue;
      const path = unit.slice(0, Math.max(0, unit.length - name.length - 1));
      const match = block.path.exec(path);
      if (match) return { block, index: Number(match[1] ?? 0), unit: name, layer };
    }
  }
  return null;
}

/** Variables of an optimizer and of the training loop: nothing that inference needs. */
const TRAINING = [
  /^(.*\/)?global_step$/,
  /^.*\/(RMSProp|RMSProp_1|Momentum|ExponentialMovingAverage|Adam|Adam_1|Adagrad)$/,
  /^(beta1_power|beta2_power|learning_rate)$/,
];

/**
 * slim's names.
 *
 * @param scope - of the whole network, `InceptionV3`
 * @param outside - layers outside of that scope, by our unit
 * @param ignore - besides the optimizer's variables: heads that the network may not have
 */
export function slimNames(
  source: string,
  scope: string,
  blocks: NamedBlocks,
  ignore: readonly RegExp[],
  outside: Readonly<Record<string, string>> = {},
): NameMap {
  const nameOf = (path: string): string => {
    const { unit, slim } = leafOf(path);
    const other = Object.hasOwn(outside, unit) ? outside[unit] : undefined;
    if (other !== undefined) return `${other}/${slim}`;
    const found = findUnit(blocks, unit);
    if (found === null) return path;
    const inner = found.block.scope(found.index);
    return [scope, ...(inner === "" ? [] : [inner]), found.layer, slim].join("/");
  };
  return { source, convention: TENSORFLOW, nameOf, ignore: [...TRAINING, ...ignore] };
}

/**
 * The names of Keras Applications: `conv2d_N` and `batch_normalization_N`, and layers with names of their own.
 *
 * @param named - the layers with names of their own, by our unit: the convolution's and its normalization's
 */
export function kerasNames(blocks: NamedBlocks, named: (unit: string) => readonly [layer: string, norm: string] | null): NameMap {
  const nameOf = (path: string): string => {
    const { unit, keras, norm } = leafOf(path);
    const own = named(unit);
    if (own !== null) return `${own[norm ? 1 : 0]}/${keras}`;
    const found = findUnit(blocks, unit);
    const numbers = found?.block.keras;
    if (found === null || numbers === undefined) return path;
    const number = numbers.first + found.index * (numbers.step ?? 0) + Object.keys(found.block.layers).indexOf(found.unit);
    return `${norm ? "batch_normalization" : "conv2d"}_${number}/${keras}`;
  };
  const ignore = [/^optimizer_weights\/.*$/, /^(model_weights\/)?top_level_model_weights\/.*$/];
  return { source: "keras", convention: TENSORFLOW, nameOf, ignore, canonical: kerasCanonical };
}

const NUMBERED = /^(conv2d|batch_normalization)(?:_(\d+))?$/;

/**
 * `LAYER/LEAF` for the many paths of one array: `model_weights/conv2d_5/conv2d_5/kernel:0` of whole models,
 * `conv2d_5/conv2d_5/kernel:0` of weights, with names of scopes in between, `conv2d_5/kernel` of TensorFlow.js. The numbers of a session go on from the network that
 * was built before, or begin without a number, so layers are counted anew from 1.
 */
export function kerasCanonical(names: readonly string[]): (name: string) => string {
  const layers = [...new Set(names.map((name) => splitKeras(name)?.layer ?? ""))];
  const renumbered = new Map<string, string>();
  for (const kind of ["conv2d", "batch_normalization"]) {
    const numbered = layers.flatMap((layer) => {
      const match = NUMBERED.exec(layer);
      return match?.[1] === kind ? [{ layer, number: Number(match[2] ?? 0) }] : [];
    });
    for (const [index, { layer }] of numbered.sort((a, b) => a.number - b.number).entries()) renumbered.set(layer, `${kind}_${index + 1}`);
  }
  return (name) => {
    const split = splitKeras(name);
    return split === null ? name : `${renumbered.get(split.layer) ?? split.layer}/${split.leaf}`;
  };
}

/** Layer and leaf of an array's path; null for arrays of the optimizer and for Keras 3's numbered `vars`. */
function splitKeras(name: string): { readonly layer: string; readonly leaf: string } | null {
  const parts = name
    .replace(/^model_weights\//, "")
    .replace(/:0$/, "")
    .split("/");
  const [layer, leaf] = parts.slice(-2);
  if (layer === undefined || leaf === undefined || layer === "vars") return null;
  return ["optimizer_weights", "top_level_model_weights"].includes(parts[0] ?? "") ? null : { layer, leaf };
}
