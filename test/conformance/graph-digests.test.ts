/**
 * Every listed network becomes what it became before: graph, ONNX files and training programs, compared by digest. The
 * README of test/goldens says how to look at a difference, and how to renew the digests after a change that is meant.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { MODELS } from "../../src/models/index.js";
import { emittedOf } from "../graph-digests.js";
import { goldenPath, ROOT } from "../shared.js";

type Digests = Readonly<Record<string, string>>;

const FILE = goldenPath("graph-digests.json");
const IS_UPDATE = process.env.UPDATE_GRAPHS === "1";
const COMMITTED = JSON.parse(readFileSync(FILE, "utf8")) as Readonly<Record<string, Digests>>;

/** Where tools/graph-diff.mjs wants texts: of those named in the second variable, or of all that differ. */
const { GRAPH_TEXTS: folder, GRAPH_NAMES: names } = process.env;
const wanted = names === undefined ? null : new Set(names.split("\n"));

const found = new Map<string, Digests>();

test.each(MODELS)("$id", (model) => {
  const digests: Record<string, string> = {};
  for (const { name, digest, text } of emittedOf(model)) {
    digests[name] = digest;
    const file = `${model.id} ${name}.txt`;
    const isWanted = wanted?.has(file) ?? COMMITTED[model.id]?.[name] !== digest;
    if (folder !== undefined && isWanted) writeText(file, text());
  }
  found.set(model.id, digests);
  if (IS_UPDATE) return;
  const committed: Digests = COMMITTED[model.id] ?? {};
  const differing = [...new Set([...Object.keys(digests), ...Object.keys(committed)])].filter((name) => digests[name] !== committed[name]);
  expect(
    differing,
    `These differ from ${path.relative(ROOT, FILE)}; "npm run graph-diff" shows where, compared with the last commit`,
  ).toEqual([]);
});

test("there are no digests of another model", () => {
  if (!IS_UPDATE) expect(Object.keys(COMMITTED)).toEqual(MODELS.map(({ id }) => id));
});

afterAll(() => {
  if (IS_UPDATE) writeFileSync(FILE, `${JSON.stringify({ ...COMMITTED, ...Object.fromEntries(found) }, null, 2)}\n`);
});

function writeText(file: string, text: string): void {
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, file), text);
}
