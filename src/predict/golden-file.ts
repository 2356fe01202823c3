import { InceptionError } from "../errors.js";

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

export interface GoldenCase {
  readonly name: string;
  readonly input: {
    readonly key: string;
    readonly shape: readonly number[];
    readonly range: readonly [number, number];
    readonly sha256: string;
  };
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
  const root = new Field(parse(text, file), file, "");
  const hashes = root.get("fill_check").get("sha256_each").entries();
  return {
    model: root.get("model").string(),
    stateDict: root.get("state_dict").list().map(parseEntry),
    stateDict10: root.get("state_dict_10_differs").list().map(parseEntry),
    fillHashes: Object.fromEntries(hashes.map(([key, hash]) => [key, hash.string()])),
    cases: root
      .get("cases")
      .entries()
      .map(([name, value]) => parseCase(name, value)),
  };
}

function parseEntry(entry: Field): GoldenEntry {
  const [key, shape] = entry.list();
  if (key === undefined || shape === undefined) throw entry.fault("a key and a shape");
  return [key.string(), shape.numbers()];
}

function parseCase(name: string, value: Field): GoldenCase {
  const input = value.get("input");
  const [low = 0, high = 1] = input.get("range").numbers();
  return {
    name,
    input: {
      key: input.get("key").string(),
      shape: input.get("shape").numbers(),
      range: [low, high],
      sha256: input.get("sha256").string(),
    },
    stages: value
      .get("stages")
      .entries()
      .map(([path, stage]) => parseStage(path, stage)),
    rows: [...parseLogits(value), ...parseAuxiliary(value), ...parseEmbedding(value)],
  };
}

function parseStage(path: string, stage: Field): GoldenStage {
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

function parseLogits(value: Field): readonly GoldenRows[] {
  return CLASS_COUNTS.flatMap((numClasses) => {
    const logits = value.find(`logits_${numClasses}`);
    return logits ? [parseRows(logits, { name: `logits_${numClasses}`, output: "logits", numClasses, auxiliary: false })] : [];
  });
}

function parseAuxiliary(value: Field): readonly GoldenRows[] {
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

function parseEmbedding(value: Field): readonly GoldenRows[] {
  const embedding = value.find("embedding");
  return embedding
    ? [parseRows(embedding.get("values"), { name: "embedding", output: "embedding", numClasses: 1000, auxiliary: false })]
    : [];
}

function parseRows(value: Field, about: Pick<GoldenRows, "name" | "output" | "numClasses" | "auxiliary">): GoldenRows {
  const rows = value
    .get("rows")
    .list()
    .map((row) => (row.find("values") ?? row.get("first")).numbers());
  return { ...about, spread: value.get("spread_std").number(), rows };
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InceptionError("FILE_CORRUPT", `Cannot read golden file "${file}": it is not JSON`, { file });
  }
}

/** A value of parsed JSON that knows its place, so that a fault can name it. */
class Field {
  readonly #value: unknown;
  readonly #file: string;
  readonly #place: string;

  constructor(value: unknown, file: string, place: string) {
    this.#value = value;
    this.#file = file;
    this.#place = place;
  }

  find(key: string): Field | null {
    const found = this.#record().find(([name]) => name === key);
    return found ? this.#inside(found[1], key) : null;
  }

  get(key: string): Field {
    const found = this.find(key);
    if (found) return found;
    throw this.fault(`a field "${key}"`);
  }

  entries(): readonly (readonly [string, Field])[] {
    return this.#record().map(([key, value]) => [key, this.#inside(value, key)]);
  }

  list(): readonly Field[] {
    if (!Array.isArray(this.#value)) throw this.fault("a list");
    return this.#value.map((item: unknown, index) => this.#inside(item, String(index)));
  }

  numbers(): readonly number[] {
    return this.list().map((item) => item.number());
  }

  number(): number {
    if (typeof this.#value !== "number") throw this.fault("a number");
    return this.#value;
  }

  string(): string {
    if (typeof this.#value !== "string") throw this.fault("text");
    return this.#value;
  }

  fault(expected: string): InceptionError {
    return new InceptionError(
      "FILE_CORRUPT",
      `Cannot read golden file "${this.#file}": expected ${expected} at ${this.#place || "its top"}`,
      { file: this.#file },
    );
  }

  #record(): readonly (readonly [string, unknown])[] {
    if (typeof this.#value !== "object" || this.#value === null || Array.isArray(this.#value)) throw this.fault("an object");
    return Object.entries(this.#value);
  }

  #inside(value: unknown, key: string): Field {
    return new Field(value, this.#file, this.#place === "" ? key : `${this.#place}.${key}`);
  }
}
