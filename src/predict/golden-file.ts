import { type GoldenField, goldenRoot } from "./golden-field.js";

/** A golden file: what a public implementation computes with weights from a formula. The schema is in test/goldens/README.md. */
export interface GoldenFile {
  readonly model: string;
  /** Keys and shapes of the source's checkpoint, for 1000 classes. */
  readonly stateDict: readonly GoldenEntry[];
  /** Entries that have another shape for 10 classes. */
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
  readonly output: string;
  readonly numClasses: 10 | 1000;
  readonly auxiliary: boolean;
  readonly spread: number;
  readonly rows: readonly (readonly number[])[];
}

/**
 * Read a golden file's JSON.
 *
 * @throws InceptionError FILE_CORRUPT naming the field that is missing or of another kind
 */
export function parseGoldenFile(text: string, file: string): GoldenFile {
  return readGoldenFile(goldenRoot(text, file));
}

/** `parseGoldenFile` of what is parsed already. */
export function readGoldenFile(root: GoldenField): GoldenFile {
  const hashes = root.get("fill_check").get("sha256_each").entries();
  return {
    model: root.get("model").string(),
    stateDict: root.get("state_dict").list().map(readEntry),
    stateDict10: root.get("state_dict_10_differs").list().map(readEntry),
    fillHashes: Object.fromEntries(hashes.map(([key, hash]) => [key, hash.string()])),
    cases: root
      .get("cases")
      .entries()
      .map(([name, value]) => parseCase(name, value)),
  };
}

/** A key and a shape of a state_dict. */
export function readEntry(entry: GoldenField): GoldenEntry {
  const [key, shape] = entry.list();
  if (key === undefined || shape === undefined) throw entry.fault("a key and a shape");
  return [key.string(), shape.shape()];
}

function parseCase(name: string, value: GoldenField): GoldenCase {
  return {
    name,
    input: readInput(value.get("input")),
    stages: value
      .get("stages")
      .entries()
      .map(([path, stage]) => parseStage(path, stage)),
    rows: [...parseLogits(value), ...parseAuxiliary(value), ...parseEmbedding(value)],
  };
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
  return CLASS_COUNTS.flatMap((numClasses) => {
    const logits = value.find(`logits_${numClasses}`);
    return logits ? [parseRows(logits, { name: `logits_${numClasses}`, output: "logits", numClasses, auxiliary: false })] : [];
  });
}

function parseAuxiliary(value: GoldenField): readonly GoldenRows[] {
  const all = value.find("aux_logits_bn_eval_dropout0");
  if (all === null) return [];
  return CLASS_COUNTS.flatMap((numClasses) =>
    all
      .get(String(numClasses))
      .entries()
      .filter(([path]) => path !== "returned_tuple_fields")
      .map(([path, rows]) => parseRows(rows, { name: `${path}_${numClasses}`, output: path, numClasses, auxiliary: true })),
  );
}

function parseEmbedding(value: GoldenField): readonly GoldenRows[] {
  const embedding = value.find("embedding");
  return embedding
    ? [parseRows(embedding.get("values"), { name: "embedding", output: "embedding", numClasses: 1000, auxiliary: false })]
    : [];
}

function parseRows(value: GoldenField, about: Pick<GoldenRows, "name" | "output" | "numClasses" | "auxiliary">): GoldenRows {
  const rows = value
    .get("rows")
    .list()
    .map((row) => (row.find("values") ?? row.get("first")).numbers());
  return { ...about, spread: value.get("spread_std").number(), rows };
}
