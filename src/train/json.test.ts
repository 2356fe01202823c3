import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeJson, encodeJson, isJsonRecord, type JsonData, jsonNumber } from "./json.js";

test("numbers that JSON lacks become strings, and numbers again where a number is expected", () => {
  const text = encodeJson({ loss: Number.NaN, high: Number.POSITIVE_INFINITY, low: Number.NEGATIVE_INFINITY, zero: -0, name: "NaN" });
  expect(text).toBe('{"high":"Infinity","loss":"NaN","low":"-Infinity","name":"NaN","zero":-0}');
  const read = decodeJson(text, "a line");
  if (!isJsonRecord(read)) throw new Error("no record");
  expect([jsonNumber(read.loss), jsonNumber(read.high), jsonNumber(read.low)]).toEqual([Number.NaN, Infinity, -Infinity]);
  expect(Object.is(jsonNumber(read.zero), -0)).toBe(true);
  expect(read.name).toBe("NaN");
  expect([jsonNumber("nan"), jsonNumber("1"), jsonNumber(null), jsonNumber(undefined)]).toEqual([null, null, null, null]);
});

test("the order of keys does not matter, and __proto__ is a key", () => {
  expect(encodeJson({ b: [1, { d: 2, c: 3 }], a: null })).toBe('{"a":null,"b":[1,{"c":3,"d":2}]}');
  const hostile = decodeJson('{"__proto__":{"x":1}}', "a line");
  expect(Object.keys(isJsonRecord(hostile) ? hostile : {})).toEqual(["__proto__"]);
  expect(encodeJson(hostile)).toBe('{"__proto__":{"x":1}}');
});

test("half a surrogate pair becomes the replacement character, a pair stays", () => {
  expect(encodeJson("a\ud800b \u{1f600}")).toBe('"a\ufffdb \u{1f600}"');
});

test("refuses repeated keys", () => {
  expect(() => decodeJson('{"a":1,"a":2}', 'config.json of run "x"')).toThrowError(
    'Cannot read config.json of run "x" as JSON: key "a" is repeated at character 7',
  );
});

test("any JSON value survives, read by JSON.parse as well", () => {
  const wellFormed = fc.string({ unit: "grapheme" });
  const value = fc.letrec<{ any: JsonData }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.constant(null),
      fc.boolean(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      wellFormed,
      fc.array(tie("any"), { maxLength: 4 }),
      fc.dictionary(wellFormed, tie("any"), { maxKeys: 4 }),
    ),
  })).any;
  fc.assert(
    fc.property(value, (data) => {
      const text = encodeJson(data);
      expect(encodeJson(decodeJson(text, "x"))).toBe(text);
      expect(JSON.parse(text)).toEqual(data);
    }),
  );
});
