import { expect, test } from "vitest";
import { renamePrefixes } from "./name-map.js";

test("prefixes are renamed by whole segments, the first rule that fits wins", () => {
  const nameOf = renamePrefixes([
    ["classif", "last_linear"],
    ["block.0", "first"],
    ["block", "others"],
  ]);
  expect(nameOf("classif.weight")).toBe("last_linear.weight");
  expect(nameOf("classif")).toBe("last_linear");
  expect(nameOf("classifier.weight")).toBe("classifier.weight");
  expect(nameOf("head.classif.weight")).toBe("head.classif.weight");
  expect(nameOf("block.0.weight")).toBe("first.weight");
  expect(nameOf("block.01.weight")).toBe("others.01.weight");
});
