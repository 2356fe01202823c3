import type { GoldenField } from "./golden-field.js";

/** A golden file: what a public implementation computes with weights from a formula. The schema is in test/goldens/README.md. */
export interface GoldenFile {
  readonly model: string;
  /** Classes of the source's checkpoint: 1000, or 1008. */
  readonly numClasses: number;
  /** Keys and shapes of the source's checkpoint. */
  readonly stateDict: readonly GoldenEntry[];
  /** Entries that have another shape for 10 classes; empty where the source was not run with so few. */
  readonly stateDict10: readonly GoldenEntry[];
  /** SHA-256 of the little-endian float32 bytes of some filled tensors, by key. */
  readonly fillHashes: Readonly<Record<string, string>>;
  readonly cases: readonly GoldenCase[];
}

export type GoldenEntry = readonly [key: string, shape: readonly number[]];

/** An input by formula. */
export interface GoldenInput {
  readonly key: string;
  readonly shape: readonly number[];
  readonly range: readonly [number, number];
  /** Of the little-endian float32 bytes, hexadecimal. */
  readonly sha256: string;
}

export interface GoldenCase {
  readonly name: string;
  readonly input: GoldenInput;
  /** Whether the source brought an input in [0, 1] to 299×299 and to [−1, 1] first, as pytorch-fid does by itself. */
  readonly resized: boolean;
  readonly stages: readonly GoldenStage[];
  readonly rows: readonly GoldenRows[];
}

/** Statistics and samples of a module's output. */
export interface GoldenStage {
  readonly path: string;
  readonly shape: readonly number[];
  readonly mean: number;
  readonly std: number;
  readonly l2: number;
  readonly grid: readonly number[];
  readonly scatter: readonly number[];
}

/** The first values of each row of an output, for one number of classes. */
export interface GoldenRows {
  readonly name: string;
  /** An output of the network, or the path of a module. */
  readonly output: string;
  readonly numClasses: number;
  readonly auxiliary: boolean;
  /** Whether the rows are the averages of the output's channels. */
  readonly averaged: boolean;
  readonly spread: number;
  readonly rows: readonly (readonly number[])[];
}

/**
 * Read the JSON of a golden file.
 *
 * @throws InceptionError FILE_CORRUPT naming the field that is missing or of another kind
 */
export function readGoldenFile(root: GoldenField): GoldenFile {
  const model = root.get("model").string();
  const hashes = root.get("fill_check").get("sha256_each").entries();
  const counted = root.get("parameter_count");
  const numClasses = Math.max(...counted.entries().flatMap(([classes]) => (/^\d{1,7}$/.test(classes) ? [Number(classes)] : [])));
  if (numClasses < 1) throw counted.fault("a count of parameters for a number of classes");
  return {
    model,
    numClasses,
    stateDict: root.get("state_dict").list().map(readEntry),
    stateDict10: root.find("state_dict_10_differs")?.list().map(readEntry) ?? [],
    fillHashes: Object.fromEntries(hashes.map(([key, hash]) => [key, hash.string()])),
    cases: root
      .get("cases")
      .entries()
      .map(([name, value]) => parseCase(name, value, numClasses)),
  };
}

/** A key and a shape of a state_dict. */
export function readEntry(entry: GoldenField): GoldenEntry {
  const [key, shape] = entry.list();
  if (key === undefined || shape === undefined) throw entry.fault("a key and a shape");
  return [key.string(), shape.shape()];
}

function parseCase(name: string, value: GoldenField, numClasses: number): GoldenCase {
  const stages = value.get("stages").entries();
  const blocks =
    value
      .find("blocks")
      ?.entries()
      .map(([index, block]) => [blockModule(index, block), block] as const) ?? [];
  return {
    name,
    input: readInput(value.get("input")),
    resized: value.find("options")?.get("resize_input").boolean() ?? false,
    stages: [...stages, ...blocks].map(([path, stage]) => parseStage(path, stage)),
    rows: [...parseLogits(value), ...parseAuxiliary(value), ...parseEmbedding(value), ...parseBlocks(blocks, numClasses)],
  };
}

/** The modules that the blocks of pytorch-fid's wrapper end with, by their index. */
const BLOCK_MODULES: Readonly<Record<string, string>> = { 0: "maxpool1", 1: "maxpool2", 2: "Mixed_6e", 3: "avgpool" };

function blockModule(index: string, block: GoldenField): string {
  const path = BLOCK_MODULES[index];
  if (path === undefined) throw block.fault(`one of the blocks ${Object.keys(BLOCK_MODULES).join(", ")}`);
  return path;
}

function parseBlocks(blocks: readonly (readonly [path: string, block: GoldenField])[], numClasses: number): readonly GoldenRows[] {
  return blocks.map(([path, block]) =>
    parseRows(block.get("pooled"), { name: `${path} averaged`, output: path, numClasses, auxiliary: false, averaged: true }),
  );
}

/** The description of an input. */
export function readInput(input: GoldenField): GoldenInput {
  const [low = 0, high = 1] = input.get("range").numbers();
  return { key: input.get("key").string(), shape: input.get("shape").shape(), range: [low, high], sha256: input.get("sha256").string() };
}

function parseStage(path: string, stage: GoldenField): GoldenStage {
  return {
    path,
    shape: stage.get("shape").numbers(),
    mean: stage.get("mean").number(),
    std: stage.get("std").number(),
    l2: stage.get("l2").number(),
    grid: stage.get("grid").numbers(),
    scatter: stage.get("scatter").numbers(),
  };
}

const CLASS_COUNTS = [1000, 10] as const;

function parseLogits(value: GoldenField): readonly GoldenRows[] {
  const plain = { output: "logits", auxiliary: false, averaged: false };
  const found = CLASS_COUNTS.flatMap((numClasses) => {
    const logits = value.find(`logits_${numClasses}`);
    return logits ? [parseRows(logits, { ...plain, name: `logits_${numClasses}`, numClasses })] : [];
  });
  // pytorch-fid's wrapper has no logits; the network that it wraps was run beside it.
  const wrapped = value.find("logits_1008_of_plain_network");
  return wrapped ? [...found, parseRows(wrapped, { ...plain, name: "logits_1008", numClasses: 1008 })] : found;
}

function parseAuxiliary(value: GoldenField): readonly GoldenRows[] {
  const all = value.find("aux_logits_bn_eval_dropout0");
  if (all === null) return [];
  return CLASS_COUNTS.flatMap((numClasses) =>
    all
      .get(String(numClasses))
      .entries()
      .filter(([path]) => path !== "returned_tuple_fields")
      .map(([path, rows]) =>
        parseRows(rows, { name: `${path}_${numClasses}`, output: outputOf(path), numClasses, auxiliary: true, averaged: false }),
      ),
  );
}

/** Our output of an auxiliary head: torchvision's Inception-v3 has one, its GoogLeNet two that are named as ours. */
function outputOf(path: string): string {
  return path === "AuxLogits" ? "aux" : path;
}

function parseEmbedding(value: GoldenField): readonly GoldenRows[] {
  const embedding = value.find("embedding");
  return embedding
    ? [parseRows(embedding.get("values"), { name: "embedding", output: "embedding", numClasses: 1000, auxiliary: false, averaged: false })]
    : [];
}

function parseRows(value: GoldenField, about: Omit<GoldenRows, "rows" | "spread">): GoldenRows {
  const rows = value
    .get("rows")
    .list()
    .map((row) => (row.find("values") ?? row.get("first")).numbers());
  return { ...about, spread: value.get("spread_std").number(), rows };
}
