/** The code blocks of the documentation: where they are, and how they become programs that check what they claim. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "./program.js";

export interface Example {
  readonly place: string;
  readonly code: string;
  readonly language: "ts" | "js";
  /** Run in Node; built for a page; or only compiled, for the reason that the block gives. */
  readonly use: "run" | "page" | "compile";
}

/**
 * The `ts` and `js` blocks of the README, of docs/ and of every docstring. What follows the language says how a block is tested:
 *
 * - nothing: it runs in Node
 * - `continues`: it runs after the block before it, as one program
 * - `page`: it is built for a page
 * - `not run: reason`: it is compiled
 */
export function findExamples(): readonly Example[] {
  const pages = documents().flatMap((file) => examplesOf(file, readFileSync(path.join(ROOT, file), "utf8")));
  const sources = readdirSync(path.join(ROOT, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .toSorted()
    .map((file) => path.posix.join("src", file));
  const docstrings = sources.flatMap((file) => examplesOf(file, readFileSync(path.join(ROOT, file), "utf8").replace(/^[ \t]*\* ?/gm, "")));
  return [...pages, ...docstrings];
}

/** The pages that a user reads, relative to the root. */
export function documents(): readonly string[] {
  const docs = readdirSync(path.join(ROOT, "docs")).filter((file) => file.endsWith(".md"));
  return ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...docs.toSorted().map((file) => `docs/${file}`)];
}

function examplesOf(file: string, text: string): readonly Example[] {
  const examples: Example[] = [];
  for (const [, language, words = "", code = ""] of text.matchAll(/^```(ts|js)(?: ([^\n]*))?\n([\s\S]*?)^```/gm)) {
    const before = examples.at(-1);
    if (words === "continues" && before !== undefined) examples.splice(-1, 1, { ...before, code: `${before.code}\n${code}` });
    else
      examples.push({ place: `${file} ${examples.length + 1}`, code, language: language === "js" ? "js" : "ts", use: useOf(words, file) });
  }
  return examples;
}

function useOf(words: string, file: string): Example["use"] {
  if (words === "") return "run";
  if (words === "page") return "page";
  if (/^not run: ./.test(words)) return "compile";
  throw new Error(`${file}: a code block is marked "${words}"; expected "continues", "page" or "not run: " and the reason`);
}

/**
 * An example with its claims checked: a line `expression; // value`, or an expression with a comment on the next line, becomes
 * a call of `claim` (the module below). What follows `value: ` in the comment is an explanation.
 */
export function withClaims(code: string): string {
  const joined = code.replaceAll(/^(?!\s|const |let |import |for |\/\/|console)(.+;)\n\/\/ (.+)$/gm, "$1 // $2");
  const checked = joined.replaceAll(
    /^(?!\s|const |let |import |for |\/\/|console)(.+); \/\/ (.+)$/gm,
    (_, expression: string, value: string) => `claim(${expression}, ${JSON.stringify(value)});`,
  );
  return checked === joined ? code : `import { claim } from "./claim.mjs";\n${checked}`;
}

/**
 * The module `claim.mjs`: compares a value with what a comment says of it. A comment that names no value fails. Numbers agree
 * where they round to the digits that are written.
 */
export const CLAIM_MODULE = `
import assert from "node:assert/strict";
import vm from "node:vm";

export function claim(actual, comment) {
  const expected = valueOf(comment);
  if (!agrees(plain(actual), expected)) assert.deepEqual(plain(actual), expected);
}

function valueOf(comment) {
  const text = comment.replaceAll(/Float(32|64)Array (?=\\[)/g, "");
  for (let end = text.length; end > 0; end = text.lastIndexOf(": ", end - 1)) {
    try {
      return JSON.parse(JSON.stringify(vm.runInNewContext("(" + text.slice(0, end) + ")")));
    } catch {}
  }
  throw new Error("the comment names no value: " + comment);
}

function plain(value) {
  return JSON.parse(JSON.stringify(value, (_, part) => (ArrayBuffer.isView(part) ? Array.from(part) : part)));
}

function agrees(actual, expected) {
  if (typeof expected === "number" && typeof actual === "number") {
    const digits = /\\.(\\d+)$/.exec(String(expected))?.[1].length;
    return digits === undefined ? actual === expected : Math.abs(actual - expected) <= 0.5 * 10 ** -digits;
  }
  if (typeof expected !== "object" || expected === null) return actual === expected;
  if (typeof actual !== "object" || actual === null || Array.isArray(actual) !== Array.isArray(expected)) return false;
  const keys = Object.keys(expected);
  return keys.length === Object.keys(actual).length && keys.every((key) => agrees(actual[key], expected[key]));
}
`;
