import { decodeJson } from "../../src/formats/json.js";
import { encodeJson } from "../../src/train/json.js";
import type { Draws } from "./draws.js";
import type { FuzzTarget } from "./target.js";

const PIECES = [
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"a"',
  '"a',
  '"__proto__"',
  '"\\ud800"',
  "1",
  "-0",
  "1e999",
  "1e-400",
  "0123",
  "true",
  "nul",
  " ",
  "\\u0000",
];

/** A value, mostly, with a wrong piece somewhere, mostly. */
function text(draws: Draws, depth: number): string {
  if (draws.chance(0.05)) return draws.pick(PIECES);
  const kind = depth > 20 ? 0 : draws.int(0, 4);
  if (kind === 1) return `[${draws.list(draws.int(0, 4), () => text(draws, depth + 1)).join(",")}]`;
  if (kind === 2) return `{${draws.list(draws.int(0, 4), (index) => `"k${draws.int(0, 8)}${index}":${text(draws, depth + 1)}`).join(",")}}`;
  if (kind === 3) return `${"[".repeat(draws.int(0, 40))}1${"]".repeat(draws.int(0, 40))}`;
  return draws.pick(['"text"', "null", "-1.5e3", "0", '"\\u00e9\\n"', "true"]);
}

/** What is read is written and read as the same. */
export const json: FuzzTarget = {
  name: "json",
  share: 5,
  prepare: async () => (draws) => {
    const source = text(draws, 0);
    return {
      bytes: new TextEncoder().encode(source),
      run: async () => {
        const written = encodeJson(decodeJson(source, "the text"));
        if (encodeJson(decodeJson(written, "the text")) !== written) throw new Error(`${written} is not read as it was written`);
      },
    };
  },
};
