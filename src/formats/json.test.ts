import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type JsonValue, parseJson } from "./json.js";

/** What JSON.parse makes of the same text, with its objects as Maps. */
function asMaps(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(asMaps);
  if (typeof value === "object" && value !== null) return new Map(Object.entries(value).map(([key, item]) => [key, asMaps(item)]));
  if (value === null || typeof value === "boolean" || typeof value === "number" || typeof value === "string") return value;
  throw new Error("not JSON");
}

describe("parseJson", () => {
  it("agrees with JSON.parse on everything that JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6, stringUnit: "grapheme" }), fc.constantFrom(0, 1), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), null, indent);
        expect(parseJson(spaced, "x")).toEqual(asMaps(JSON.parse(spaced)));
      }),
      { numRuns: 500 },
    );
  });

  it("accepts and refuses mutated texts as JSON.parse does, except for what it refuses on purpose", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 3 }), fc.nat(), fc.constantFrom(...'{}[],:"\\0-.eE tfn\u0001é'), (text, at, character) => {
        const place = at % (text.length + 1);
        const mutated = text.slice(0, place) + character + text.slice(place + 1);
        let expected: JsonValue | undefined;
        try {
          expected = asMaps(JSON.parse(mutated));
        } catch {
          expect(() => parseJson(mutated, "x")).toThrow(/^Cannot read x as JSON: /);
          return;
        }
        let actual: JsonValue;
        try {
          actual = parseJson(mutated, "x");
        } catch (error) {
          expect(String(error)).toMatch(/is repeated|unpaired surrogate|longer than 32/);
          return;
        }
        expect(actual).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it("keeps names that mean something to JavaScript objects", () => {
    expect(parseJson('{"__proto__":{"toString":1}}', "x")).toEqual(new Map([["__proto__", new Map([["toString", 1]])]]));
  });

  it.each([
    ["", "expected a value at character 0"],
    ['{"a":1,"a":2}', 'key "a" is repeated at character 7'],
    ['{"a":1,"\\u0061":2}', 'key "a" is repeated at character 7'],
    ["{'a':1}", "expected a key in double quotes at character 1"],
    ['{"a" 1}', 'expected ":" at character 5'],
    ['{"a":1 2}', 'expected "," or "}" at character 7'],
    ["[1 2]", 'expected "," or "]" at character 3'],
    ["[1,]", "expected a value at character 3"],
    ['"abc', "a string does not end that starts at character 0"],
    ['"\\ud800"', "a string contains an unpaired surrogate at character 0"],
    ['"\\x"', '""\\x"" is not a JSON value at character 0'],
    ["01", '"01" is not a JSON value at character 0'],
    [`1${"0".repeat(40)}`, "a number is longer than 32 characters at character 0"],
    ["[".repeat(100_000), "nesting is deeper than 16 at character 17"],
    ["NaN", "expected a value at character 0"],
    ["{} x", "expected the end of the text at character 3"],
  ])("refuses %j", (text, fact) => {
    expect(() => parseJson(text, 'the header of "x"')).toThrow(
      expect.objectContaining({ code: "FILE_CORRUPT", message: `Cannot read the header of "x" as JSON: ${fact}` }),
    );
  });
});
