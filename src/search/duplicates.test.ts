import { expect, test } from "vitest";
import { duplicateGroups } from "./duplicates.js";

test("hashes and close pairs connect rows to groups", () => {
  const hashes = ["a", "b", "a", "c", "d", "e", "f", "a"];
  const pairs = [
    { row: 3, match: { index: 3, score: 1 } },
    { row: 3, match: { index: 4, score: 0.97 } },
    { row: 4, match: { index: 5, score: 0.96 } },
    { row: 4, match: { index: 3, score: 0.97 } },
  ];
  expect(duplicateGroups(hashes, pairs)).toEqual([
    { rows: [0, 2, 7], exact: true, weakest: null },
    { rows: [3, 4, 5], exact: false, weakest: 0.96 },
  ]);
});

test("a group may have equal and nearly equal files", () => {
  expect(duplicateGroups(["a", "a", "b"], [{ row: 2, match: { index: 0, score: 0.99 } }])).toEqual([
    { rows: [0, 1, 2], exact: false, weakest: 0.99 },
  ]);
});
