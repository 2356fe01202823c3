/** Messages of the library follow one grammar (src/errors.ts), and docs/errors.md explains every code. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { findMessageFaults } from "../tools/check-messages.js";
import { ROOT } from "./program.js";

test("docs/errors.md explains every error code, in order", () => {
  const page = readFileSync(path.join(ROOT, "docs/errors.md"), "utf8");
  const source = readFileSync(path.join(ROOT, "src/errors.ts"), "utf8");
  const explained = [...page.matchAll(/^\| `([A-Z_]+)` \| \S.* \| \S.* \|$/gm)].map((match) => match[1]);
  const codes = [...source.matchAll(/^ {2}\| "([A-Z_]+)"/gm)].map((match) => match[1]);
  expect(explained).toEqual(codes);
  expect(codes).toEqual(codes.toSorted());
});

test("no message uses a retired word", () => {
  expect(findMessageFaults()).toEqual([]);
});
