import path from "node:path";
import type { Preprocessing } from "../data/index.js";
import { InceptionError } from "../errors.js";
import { encodeSafetensors } from "../formats/safetensors.js";
import { type Graph, typeOf } from "../ir/graph.js";
import { selectOutputs } from "../ir/prune.js";
import { findModel } from "../models/index.js";
import { weightSetsOf } from "../models/weights.js";
import { encodeModelMetadata, METADATA_KEY, type ModelMetadata } from "../predict/model-metadata.js";
import { classCount, type PreparedModel } from "../tasks/prepare-model.js";
import { checkParameters } from "../tensor/finite.js";
import type { Tensor } from "../tensor/tensor.js";
import { makeFolder, writeFileAtomic } from "./write-file.js";

/** A network that timm has too, under its names there. */
interface TimmNetwork {
  readonly model: string;
  readonly architecture: string;
  /** Modules that timm replaces for another number of channels or classes. */
  readonly firstConv: string;
  readonly classifier: string;
}

/** Every network that timm can load. To add one: a line here, and the names in its weight set of source "timm". */
const TIMM_NETWORKS: readonly TimmNetwork[] = [
  { model: "inception_resnet_v2.public", architecture: "inception_resnet_v2", firstConv: "conv2d_1a.conv", classifier: "classif" },
];

/** Options that timm's networks have as well, or that concern training only. */
const FREE_OPTIONS = new Set(["numClasses", "inChannels", "inputSize", "dropRate", "aux"]);

/**
 * Writes a directory that Python's timm loads with `timm.create_model("local-dir:FOLDER", pretrained=True)`, or from the
 * hub once it is uploaded: `model.safetensors` with timm's names, batch normalization's step counters included (at 0),
 * and `config.json` with the network, its classes and how pixels become its input. Auxiliary classifiers, which timm does
 * not have, are omitted.
 *
 * The weights are written first, so that a directory with a `config.json` is complete. Format: timm's `save_config_for_hf`.
 *
 * @param folder - the directory; created if it does not exist
 * @throws InceptionError OPTION_INVALID for a network, an option or a preprocessing that timm does not have; NOT_FINITE;
 *   WRITE_FAILED
 *
 * @example
 * ```ts
 * import { exportTimm, prepareModel } from "inceptionkit/node";
 * const digits = await prepareModel("googlenet", "examples/digits/googlenet-digits.safetensors", {
 *   options: { widthMultiplier: 0.25, numClasses: 10, inputSize: 64 },
 * });
 * // timm has no GoogLeNet, so this says what can be exported; a trained inception_resnet_v2 gives a folder.
 * await exportTimm(digits, "digits-timm").catch((error) => console.log(error.message));
 * ```
 */
export async function exportTimm(
  prepared: PreparedModel,
  folder: string,
): Promise<{ readonly architecture: string; readonly bytes: number }> {
  const { metadata: modelMetadata, graph, parameters } = prepared;
  const network = findNetwork(modelMetadata);
  const config = timmConfig(network, modelMetadata, graph);
  // "format: pt" is what Python's loaders look for.
  const metadata = { format: "pt", [METADATA_KEY]: encodeModelMetadata(modelMetadata) };
  checkParameters(parameters, `export "${modelMetadata.model}"`);
  const { header, chunks, byteLength } = encodeSafetensors(stateDict(modelMetadata, graph, parameters), metadata);
  await makeFolder(folder);
  await writeFileAtomic(path.join(folder, "model.safetensors"), [header, ...chunks]);
  await writeFileAtomic(path.join(folder, "config.json"), [new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`)]);
  return { architecture: network.architecture, bytes: byteLength };
}

function findNetwork({ model, options }: ModelMetadata): TimmNetwork {
  const network = TIMM_NETWORKS.find((candidate) => candidate.model === model);
  if (network === undefined) {
    const known = TIMM_NETWORKS.map((candidate) => candidate.model).join(", ");
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot export "${model}" for timm: timm does not have this network, expected one of ${known}`,
      {
        model,
      },
    );
  }
  const table = findModel(model).options;
  for (const [name, value] of Object.entries(options)) {
    const theirs = JSON.stringify(table[name]?.default);
    if (FREE_OPTIONS.has(name) || JSON.stringify(value) === theirs) continue;
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot export "${model}" for timm with ${name} ${JSON.stringify(value)}: timm's ${network.architecture} has ${theirs}`,
      { model, name, value },
    );
  }
  return network;
}

/** Parameters of the classifier and what is before it under timm's names, with a counter for each batch normalization. */
function stateDict(
  { model }: ModelMetadata,
  graph: Graph,
  parameters: ReadonlyMap<string, Tensor>,
): readonly (readonly [string, Tensor])[] {
  const map = weightSetsOf(model).find((set) => set.map.source === "timm")?.map;
  if (map === undefined) throw new RangeError(`Cannot export "${model}" for timm: it has no timm names`);
  return selectOutputs(graph, ["logits"]).parameters.flatMap(({ path: own, role }) => {
    const value = parameters.get(own);
    if (value === undefined) throw new RangeError(`Cannot export "${model}": parameter "${own}" has no value`);
    const name = map.nameOf(own);
    const counter: Tensor = { dtype: "int64", shape: [], data: new BigInt64Array(1) };
    const entry = [name, value] as const;
    return role === "running_var" ? [entry, [name.replace(/running_var$/, "num_batches_tracked"), counter] as const] : [entry];
  });
}

function timmConfig({ architecture, firstConv, classifier }: TimmNetwork, modelMetadata: ModelMetadata, graph: Graph) {
  const numClasses = classCount(graph);
  const [channels = 3, height = 0, width = 0] = (graph.inputs[0]?.type.shape ?? []).slice(1).map(Number);
  const features = graph.outputs.find(({ name }) => name === "features");
  return {
    architecture,
    num_classes: numClasses,
    ...(features === undefined ? {} : { num_features: Number(typeOf(graph, features.value).shape[1]) }),
    ...(modelMetadata.labels === null ? {} : { label_names: modelMetadata.labels }),
    // timm builds three channels unless it is told otherwise.
    ...(channels === 3 ? {} : { model_args: { in_chans: channels } }),
    pretrained_cfg: {
      custom_load: false,
      input_size: [channels, height, width],
      fixed_input_size: false,
      ...timmTransform(modelMetadata, height, width),
      num_classes: numClasses,
      first_conv: firstConv,
      classifier,
    },
  };
}

const TIMM_FILTERS: readonly string[] = ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"];

/** How timm's evaluation transform says what the preprocessing says. It scales pixels to 0..1 first. */
function timmTransform({ model, preprocessing }: ModelMetadata, height: number, width: number) {
  const refused = (fact: string, expected: string) =>
    new InceptionError("OPTION_INVALID", `Cannot export "${model}" for timm: its preprocessing ${fact}, expected ${expected}`, { model });
  if (preprocessing === null) throw refused("is not known", "one to be given");
  const { resize, channelOrder, mean, std, perImageWhitening = false } = preprocessing;
  const share = cropShare(preprocessing, height, width);
  if (share === null)
    throw refused(`does not give a square of ${height}×${width} pixels by shorter_side and crop, or by warp`, "what timm can do");
  if (!TIMM_FILTERS.includes(resize.filter)) throw refused(`resizes by ${resize.filter}`, `one of ${TIMM_FILTERS.join(", ")}`);
  if (channelOrder === "BGR") throw refused("has channels in the order BGR", "RGB or L");
  if (perImageWhitening) throw refused("whitens each image", "fixed mean and std");
  return {
    interpolation: resize.filter,
    crop_pct: share,
    crop_mode: resize.kind === "warp" ? "squash" : "center",
    mean: mean.map(toUnit),
    std: std.map(toUnit),
  };
}

/** From 0..255 to 0..1, without digits that the division alone makes. */
function toUnit(value: number): number {
  return Number((value / 255).toPrecision(12));
}

/**
 * timm's crop_pct: an image is resized to floor(side / crop_pct) before a square of `side` is cut out. The shortest
 * number that gives the preprocessing's size; null where there is none.
 */
function cropShare({ resize, crop }: Preprocessing, height: number, width: number): number | null {
  const [cropHeight, cropWidth] = crop ?? [resize.size, resize.size];
  const plain = resize.kind === "warp" || (resize.kind === "shorter_side" && crop !== null);
  if (!plain || height !== width || cropHeight !== height || cropWidth !== width || resize.size < height) return null;
  // Every number in (side/(size + 1), side/size] does; the middle of them is farthest from rounding.
  const middle = height / (resize.size + 0.5);
  for (let digits = 1; digits <= 15; digits++) {
    const share = Number(middle.toPrecision(digits));
    if (Math.floor(height / share) === resize.size && share <= 1) return share;
  }
  return null;
}
