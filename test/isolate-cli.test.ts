import path from "node:path";
import { expect, test } from "vitest";
import { refused as inception, ROOT } from "./program.js";

const DIGITS = path.join(ROOT, "examples/digits");
const MODEL = ["--model", path.join(DIGITS, "digits.onnx")];

test.each([
  ["classify", path.join(DIGITS, "images"), ...MODEL, "--json"],
  ["embed", path.join(DIGITS, "images"), ...MODEL, "--output-name", "logits", "--json"],
])("%s --isolate gives what it gives without", async (...args) => {
  const [plain, isolated] = [await inception(...args), await inception(...args, "--isolate", "--time-limit", "120")];
  expect([plain.code, plain.err]).toEqual([0, ""]);
  expect(isolated).toEqual(plain);
});

test("a time limit that is too short is an error of the model", async () => {
  const { code, err } = await inception("classify", path.join(DIGITS, "images"), ...MODEL, "--isolate", "--time-limit", "0.01");
  const file = path.join(DIGITS, "digits.onnx");
  const cause = "its process was killed: it took longer than the time limit of 0.01 s";
  expect([code, err]).toEqual([2, `inception: Cannot open "${file}": ${cause}\n`]);
});

test("--time-limit needs --isolate", async () => {
  const { code, err } = await inception("classify", path.join(DIGITS, "images"), ...MODEL, "--time-limit", "5");
  expect([code, err]).toEqual([
    2,
    "inception: unexpected --time-limit: supported only with --isolate, because only a child process can be terminated; see inception classify --help\n",
  ]);
});

test.each(["classify", "embed", "explain", "eval", "segment"])("%s has the flags", async (command) => {
  const { out } = await inception(command, "--help");
  expect(out).toContain("--isolate ");
  expect(out).toContain("--time-limit <seconds>");
});
