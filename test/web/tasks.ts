/** What the task layer computes of the same files on each platform, as numbers that can be compared. */
import { parsePreprocessing } from "../../src/data/preprocessing.js";
import { decodeModel } from "../../src/formats/onnx/decode.js";
import { hostTensor } from "../../src/formats/onnx/tensor.js";
import type { OnnxTensor } from "../../src/formats/onnx/types.js";
import type * as Api from "../../src/index.js";

export interface TaskNumbers {
  readonly names: readonly string[];
  readonly probabilities: readonly (readonly (readonly [index: number, probability: number])[])[];
  readonly embeddings: readonly (readonly number[])[];
  /** Of the exported model, and of the network with weights. */
  readonly maps: readonly (readonly number[])[];
  /** The first map over its image, as the bytes of a PNG file. */
  readonly overlay: readonly number[];
  readonly labels: readonly number[];
  readonly training: TrainingNumbers;
  readonly voxels: readonly number[];
  readonly failures: readonly string[];
}

const IMAGES = ["7-a", "3-b", "0-a"].map((name) => `examples/digits/images/${name}.png`);
const NETWORK = { widthMultiplier: 0.25, numClasses: 10, inputSize: 64 } as const;

/**
 * @param api - what `inceptionkit` exports there
 * @param at - where a file of the repository is
 * @param bytesOf - its content
 */
export async function runTasks(
  api: typeof Api,
  at: (file: string) => string,
  bytesOf: (file: string) => Promise<Uint8Array>,
): Promise<TaskNumbers> {
  const recipe: unknown = JSON.parse(new TextDecoder().decode(await bytesOf("examples/digits/preprocessing.json")));
  const preprocessing = parsePreprocessing(recipe, "preprocessing.json");
  const own = { weights: at("examples/digits/googlenet-digits.safetensors"), preprocessing, options: NETWORK, device: "cpu" } as const;
  const exported = await api.openClassifier(at("examples/digits/digits.onnx"), { device: "cpu" });
  const described = await api.openClassifier("googlenet", own);
  const bytes = await api.toOnnx("googlenet", own);
  const embedder = await api.openEmbedder(bytes, { device: "cpu" });
  const [first = ""] = IMAGES;
  const blob = new Blob([new Uint8Array(await bytesOf(first))]);
  const predictions = [
    ...(await exported.classify(IMAGES.map(at))),
    await described.classify(blob, { top: 10 }),
    await exported.classify(await bytesOf(first), { top: 1 }),
  ];
  const maps = [await exported.explain(at(first)), await described.explain(blob, { target: 3, method: "input_gradient" })];
  const overlay = (await maps[0]?.overlayPng()) ?? [];
  const embeddings = await embedder.embed(IMAGES.map(at), { normalize: true });
  const failures = await Promise.all(
    [exported.classify(at("examples/none.png")), exported.classify(new TextEncoder().encode("no image"))].map(codeOf),
  );
  await Promise.all([exported.close(), described.close(), embedder.close()]);
  const { labels, labelStatistics: measured } = await segment(api, at);
  return {
    names: exported.classNames ?? [],
    probabilities: predictions.map((all) => all.map(({ index, probability }) => [index, probability])),
    embeddings: embeddings.map((row) => Array.from(row)),
    maps: maps.map(({ attributions: [map] }) => Array.from(map?.values ?? [])),
    overlay: Array.from(overlay),
    labels: Array.from(labels.data),
    voxels: measured.map(({ voxels }) => voxels),
    failures,
    training: await training(api, at),
  };
}

export interface TrainingNumbers {
  /** Of five steps with augmentation, from scratch. */
  readonly losses: readonly number[];
  /** All parameters after them. */
  readonly parameters: readonly number[];
  /** Of the classifier of an exported model, trained on frozen features. */
  readonly headLosses: readonly (number | null)[];
  readonly classNames: readonly string[];
  /** Of the trained model, and of its exported file. */
  readonly probabilities: readonly (readonly number[])[];
}

async function training(api: typeof Api, at: (file: string) => string): Promise<TrainingNumbers> {
  const names = Array.from({ length: 20 }, (_, index) => `${Math.floor(index / 2)}-${index % 2 === 0 ? "a" : "b"}`);
  const items = names.map((name) => ({ image: at(`examples/digits/images/${name}.png`), label: `digit ${name.slice(0, 1)}` }));
  const data = api.labeledImages(items);
  const losses: number[] = [];
  const network = api.describe("googlenet.paper", { widthMultiplier: 0.125, inputSize: 64 });
  const onEvent = (event: Api.RunEvent): void => {
    if (event.kind === "step") losses.push(event.loss);
  };
  const common = { valFraction: 0, seed: 3, device: "cpu", threads: 1 } as const;
  const optimizer = { name: "sgd", momentum: 0.9 } as const;
  const steps = {
    ...common,
    recipe: "scratch",
    optimizer,
    learningRate: 0.01,
    augmentation: "inception",
    epochs: 1,
    batchSize: 4,
    onEvent,
  } as const;
  const { model } = await api.train(network, data, steps);
  const parameters = decodeModel(await api.toOnnx(model), { name: "trained" }).graph.initializers.flatMap(floatsOf);
  await model.close();
  const source = await api.openClassifier(at("examples/digits/digits.onnx"), { device: "cpu" });
  const tuned = await api.fineTune(source, data, { ...common, recipe: "head", epochs: 2, batchSize: 10 });
  const reopened = await api.openClassifier(await api.toOnnx(tuned.model), { device: "cpu" });
  const image = at("examples/digits/images/7-a.png");
  const rows = await Promise.all([tuned.model, reopened].map((each) => each.classify(image, { top: 10 })));
  const classNames = tuned.model.classNames ?? [];
  await Promise.all([source.close(), tuned.model.close(), reopened.close()]);
  return {
    losses,
    parameters,
    headLosses: tuned.history.map(({ trainLoss }) => trainLoss),
    classNames,
    probabilities: rows.map((row) => row.map(({ probability }) => probability)),
  };
}

function floatsOf(tensor: OnnxTensor): readonly number[] {
  const { dtype, data } = hostTensor(tensor);
  return dtype === "float32" ? Array.from(data, Number) : [];
}

async function segment({ openSegmenter }: Pick<typeof Api, "openSegmenter">, at: (file: string) => string) {
  const segmenter = await openSegmenter("inception_resnet_3d.table", { weights: at("assets/hippocampus.safetensors"), device: "cpu" });
  const result = await segmenter.segment(at("examples/segment/hippocampus_001.nii.gz"));
  await segmenter.close();
  return result;
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
    return "no failure";
  } catch (thrown) {
    return thrown instanceof Error && "code" in thrown ? String(thrown.code) : String(thrown);
  }
}
