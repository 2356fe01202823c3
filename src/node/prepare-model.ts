import path from "node:path";
import { PREPROCESSING, type Preprocessing, type PreprocessingId } from "../data/index.js";
import { InceptionError } from "../errors.js";
import type { Graph } from "../ir/graph.js";
import { findModel, type GivenOptions } from "../models/index.js";
import type { WeightSet } from "../models/weight-set.js";
import { type Artefact, parseArtefact } from "../predict/artefact.js";
import type { Tensor } from "../tensor/tensor.js";
import { type AllowedDifferences, loadWeights, type WeightReport } from "../weights/apply.js";
import { compareHash } from "./download.js";
import { digestWeights, openWeights } from "./open-weights.js";
import { resolvePublished } from "./published-weights.js";
import { checkPublishedHash, chooseWeightSet, isPretrained, type Published, publishedWeights } from "./weight-choice.js";
import { resolveSource, type SourceOptions } from "./weight-source.js";

export interface PrepareOptions extends SourceOptions {
  /** Options of the network; see `findModel(id).options`. */
  readonly options?: GivenOptions;
  /** How images become inputs: a recipe or the name of one. Default: the weight set's. */
  readonly preprocessing?: Preprocessing | string;
  /** Class names by index. Default: the weight file's, or the weight set's. */
  readonly labels?: readonly string[];
  /** Differences between file and network that are meant. */
  readonly allow?: AllowedDifferences;
}

/** A network with values for every parameter and what is known about them. */
export interface PreparedModel {
  readonly graph: Graph;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly artefact: Artefact;
  readonly report: WeightReport;
}

/**
 * Describe a network and read its weights: find the file, recognise its format and whose names it uses, read the values.
 *
 * @param id - model id or family name
 * @param weights - `pretrained`, `pretrained:<name>` (src/models/*.weights.ts lists them), `hf:owner/name[@revision]`, a
 *   path, a `file:` URL, or with `allowHttps` an `https:` URL
 * @throws InceptionError MODEL_UNKNOWN, OPTION_INVALID, SOURCE_INVALID, FILE_…, WEIGHTS_MISMATCH
 */
export async function prepareModel(id: string, weights: string, options: PrepareOptions = {}): Promise<PreparedModel> {
  const model = findModel(id);
  const published = publishedWeights(model, weights);
  const found = isPretrained(weights) && published ? await resolvePublished(published, options) : await resolveSource(weights, options);
  const content = await digestWeights(found.path);
  const weightsSha256 = content.sha256;
  // A file that was found with a hash may be another one by now.
  if (found.sha256 !== undefined) compareHash(found.name, { kind: "sha256", hex: found.sha256 }, weightsSha256);
  if (isPretrained(weights)) checkPublishedHash(published, weightsSha256);
  const { file, close } = await openWeights(found.path, content);
  try {
    const saved = parseArtefact(Object.entries(file.metadata), found.name);
    const savedOptions = saved?.model === model.id ? saved.options : {};
    const { set, map, graph, given } = chooseWeightSet(model, file, { saved: savedOptions, asked: options.options ?? {} }, published);
    const { parameters, report } = await loadWeights(graph, file, map, options.allow);
    const artefact: Artefact = {
      model: model.id,
      options: given,
      preprocessing: choosePreprocessing(options.preprocessing, saved, preprocessingOf(set, published), graph),
      ...(saved?.segmentation === undefined ? {} : { segmentation: saved.segmentation }),
      labels: options.labels ?? saved?.labels ?? (await setLabels(set, graph)),
      source: saved?.source ?? `${path.basename(found.name)}, by ${map.source} names`,
      licence:
        saved?.licence ??
        statedLicence(file.metadata) ??
        (set && isPublishedForm(set, given) ? `as published: ${set.licence}` : "not stated"),
      weightsSha256,
      golden: null,
    };
    checkLabels(artefact, graph);
    return { graph, parameters, artefact, report };
  } finally {
    await close();
  }
}

/** The licence that a safetensors header states, in either spelling. */
function statedLicence(metadata: Readonly<Record<string, string>>): string | undefined {
  return Object.entries(metadata).find(([key]) => key === "licence" || key === "license")?.[1];
}

/** Whether the network is the one that was published with these weights; a changed one was trained by somebody else. */
function isPublishedForm(set: WeightSet, given: GivenOptions): boolean {
  const { options } = findModel(set.model);
  const published = (name: string): unknown => set.options?.[name] ?? options[name]?.default;
  return Object.entries(given).every(
    ([name, value]) => name === "inputSize" || name === "dropRate" || JSON.stringify(published(name)) === JSON.stringify(value),
  );
}

/** The recipe that the weights were trained with, of the file itself or of its set. */
function preprocessingOf(set: WeightSet | null, published: Published | null): string | null {
  return (published?.set === set ? published?.file.preprocessing : undefined) ?? set?.preprocessing ?? null;
}

function choosePreprocessing(
  given: Preprocessing | string | undefined,
  saved: Artefact | null,
  trained: string | null,
  graph: Graph,
): Preprocessing | null {
  if (typeof given === "string") return namedPreprocessing(given);
  const recipe = given ?? saved?.preprocessing ?? (trained === null ? null : namedPreprocessing(trained));
  if (recipe === null || given !== undefined) return recipe;
  return atInputSize(recipe, graph);
}

/** The weight set's recipe for another input size: the same share of the image, so the resize grows with the crop. */
function atInputSize(recipe: Preprocessing, graph: Graph): Preprocessing {
  const [height = 0, width = 0] = (graph.inputs[0]?.type.shape ?? []).slice(2).map(Number);
  const side = recipe.crop ? Math.min(...recipe.crop) : recipe.resize.size;
  const size = Math.round((recipe.resize.size * Math.max(height, width)) / side);
  const same = recipe.crop ? recipe.crop[0] === height && recipe.crop[1] === width : recipe.resize.size === height && height === width;
  return same ? recipe : { ...recipe, resize: { ...recipe.resize, size }, crop: [height, width] };
}

/**
 * The recipe with a name.
 *
 * @throws InceptionError OPTION_INVALID listing the names
 */
export function namedPreprocessing(name: string): Preprocessing {
  if (Object.hasOwn(PREPROCESSING, name)) return PREPROCESSING[name as PreprocessingId];
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot find preprocessing "${name}": expected one of ${Object.keys(PREPROCESSING).join(", ")}`,
    { name },
  );
}

async function setLabels(set: WeightSet | null, graph: Graph): Promise<readonly string[] | null> {
  if (set?.labels !== "imagenet_1000" || classCount(graph) !== 1000) return null;
  const { IMAGENET_LABELS } = await import("../data/imagenet.js");
  return IMAGENET_LABELS;
}

/** Number of classes of the "logits" output, or null where there is none. */
export function classCount(graph: Graph): number | null {
  const logits = graph.outputs.find((output) => output.name === "logits");
  const type = logits && graph.types.get(logits.value);
  return type ? Number(type.shape[1]) : null;
}

function checkLabels(artefact: Artefact, graph: Graph): void {
  const classes = classCount(graph);
  if (artefact.labels === null || classes === null || artefact.labels.length === classes) return;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot use ${artefact.labels.length} labels for "${artefact.model}": it has ${classes} classes`,
    {
      labels: artefact.labels.length,
      classes,
    },
  );
}
