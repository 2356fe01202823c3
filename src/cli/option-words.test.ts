import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { InceptionError } from "../errors.js";
import { findKnownWeights } from "../node/published-weights.js";
import { SETTINGS } from "../train/settings.js";
import { errorText, inFlags } from "./option-words.js";

test.each([
  ["clip to this, before `clipNorm`", "clip to this, before --clip-norm"],
  [
    "`data`'s own split (`checkpointActivations`), with `options.numClasses`",
    "DATA's own split (--checkpoint-activations), with --option numClasses=N",
  ],
  ["resume it with `resumeSegmentation`", "resume it with inception train-seg"],
  ['Cannot open "`weights`.pt": expected `weights`, a file', 'Cannot open "`weights`.pt": expected --weights, a file'],
  ["nothing named", "nothing named"],
])("%s", (library, commandLine) => {
  expect(inFlags(library)).toBe(commandLine);
});

test("an error names options in the library and flags at the command line", () => {
  const error = new InceptionError("OPTION_INVALID", "Cannot preprocess images: expected `preprocessing` with a name");
  expect(error.message).toBe("Cannot preprocess images: expected `preprocessing` with a name");
  expect(errorText(error)).toBe("Cannot preprocess images: expected --preprocessing with a name");
  expect(() => findKnownWeights("resnet50")).toThrow(/files are known, see `knownWeights`$/);
  expect(SETTINGS.clipValue.doc).toContain("before `clipNorm`");
});

/** Texts of a file that people read: not comments, and no code. */
function textsOf(file: string): readonly string[] {
  const texts: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node))
      texts.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest));
  return texts;
}

test("the library names no flag and no command", () => {
  const src = path.resolve(import.meta.dirname, "..");
  const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".ts") && !/\.(test|cases)\.ts$/.test(file) && !file.startsWith(`cli${path.sep}`),
  );
  const named = files.flatMap((file) =>
    textsOf(path.join(src, file)).flatMap((text) =>
      /(^|\s)(--[a-z]|inception (train|export|eval|segment|models|weights)\b|train-seg\b)/.test(text)
        ? [`${file}: ${text.slice(0, 100)}`]
        : [],
    ),
  );
  expect(named).toEqual([]);
});

test("remedies are worded for the command line", () => {
  const message = 'Cannot load "googlenet": no weights given; pass `weights`, for example "pretrained"';
  const error = new InceptionError("OPTION_INVALID", message, { remedy: "needs-weights" });
  expect(errorText(error)).toBe('Cannot load "googlenet": no weights given; pass --weights pretrained, hf:OWNER/NAME or a file');
});
