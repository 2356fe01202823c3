import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { sharedPath, titleNeeding } from "../../test/shared.js";
import { InceptionError } from "../errors.js";
import { parseClassNames } from "./class-names.js";
import { IMAGENET_LABELS } from "./imagenet.js";

const INDEX = "data/imagenet_samples/imagenet_class_index.json";
const index = sharedPath(INDEX);

describe("class names", () => {
  test("are a list, or an object by index", () => {
    expect(parseClassNames(["a_b", "c"], "x")).toEqual(["a_b", "c"]);
    expect(parseClassNames([], "x")).toEqual([]);
    expect(parseClassNames({ 1: ["n2", "great_white_shark"], 0: ["n1", "tench"] }, "x")).toEqual(["tench", "great white shark"]);
  });

  test.skipIf(index === null)(titleNeeding("of Keras' file are those of ImageNet", index, INDEX), async () => {
    expect(parseClassNames(JSON.parse(await readFile(index ?? "", "utf8")), "x")).toEqual(IMAGENET_LABELS);
  });

  test.each([
    [null],
    ["tench"],
    [["a", 1]],
    [{}],
    [{ 0: "tench" }],
    [{ 1: ["n1", "tench"] }],
    [{ 0: ["n1", "tench"], 2: ["n2", "goldfish"] }],
    [{ 0: ["n1", 5] }],
    [{ 0: ["n1", "tench", "more"] }],
    [JSON.parse('{"__proto__": ["n1", "tench"]}')],
  ])("are not %j", (value) => {
    const message =
      'Cannot read class names "x": expected a list of names, or an object like Keras\' {"0": ["n01440764", "tench"], …} with every index from 0';
    expect(() => parseClassNames(value, "x")).toThrow(new InceptionError("FILE_CORRUPT", message, { file: "x" }));
  });
});
