import fc from "fast-check";
import { expect, test } from "vitest";
import { InceptionError } from "../errors.js";
import { parseSampleList } from "./sample-list.js";

const csv = (text: string) => parseSampleList(text, "csv", "list.csv");
const jsonl = (text: string) => parseSampleList(text, "jsonl", "list.jsonl");

test("RFC 4180: quotes, delimiters and line ends inside of fields, CR LF or LF, any column order", () => {
  const text = '\ufeffLabel,note,Path\r\ndaisy,"a ""wild"" one, red","a,b.jpg"\r\n\r\nrose,"two\r\nlines",c.jpg\n"tulip",,"d ""e"".jpg"';
  expect(csv(text)).toEqual([
    { path: "a,b.jpg", label: "daisy", split: null },
    { path: "c.jpg", label: "rose", split: null },
    { path: 'd "e".jpg', label: "tulip", split: null },
  ]);
  expect(parseSampleList("path\tlabel\na,b\t3\n", "tsv", "x")).toEqual([{ path: "a,b", label: "3", split: null }]);
});

test("the words for validation all mean validation", () => {
  const rows = ["train", "val", "Valid", "validation", "test", ""].map((split) => `a.jpg,x,${split}`);
  expect(csv(["path,label,split", ...rows].join("\n")).map((sample) => sample.split)).toEqual(["train", "val", "val", "val", "val", null]);
});

test("JSON lines", () => {
  expect(jsonl('{"path": "a.jpg", "label": 3}\n\n  {"label": "x", "split": "val", "path": "b.jpg", "more": [1]}\r\n')).toEqual([
    { path: "a.jpg", label: "3", split: null },
    { path: "b.jpg", label: "x", split: "val" },
  ]);
});

test("images with several classes or none: names separated by |, in JSON lines an array", () => {
  expect(csv("path,labels,split\na.jpg,cat | dog,val\nb.jpg,,\nc.jpg,dog,")).toEqual([
    { path: "a.jpg", label: "cat|dog", labels: ["cat", "dog"], split: "val" },
    { path: "b.jpg", label: "", labels: [], split: null },
    { path: "c.jpg", label: "dog", labels: ["dog"], split: null },
  ]);
  expect(jsonl('{"path": "a.jpg", "labels": ["a|b", 3]}\n{"path": "b.jpg", "labels": []}')).toEqual([
    { path: "a.jpg", label: "a|b|3", labels: ["a|b", "3"], split: null },
    { path: "b.jpg", label: "", labels: [], split: null },
  ]);
  // One class that contains the separator stays one.
  expect(csv("path,label\na.jpg,cat|dog")).toEqual([{ path: "a.jpg", label: "cat|dog", split: null }]);
});

test.each([
  ["", "line 1: the list is empty, expected the columns path and label, and optionally split"],
  ["file,label\n", 'line 1: the header is "file, label", expected the columns path and label, and optionally split'],
  ["path,label\na.jpg\n", "line 2: 1 fields, the header has 2"],
  ["path,label\n\n\na.jpg,x,y\n", "line 4: 3 fields, the header has 2"],
  ['path,label\n"a.jpg,x\n', "line 2: a quoted field is not closed"],
  ['path,label\n"a"b,x\n', "line 2: text follows a closing quote"],
  ['path,label\n"a\n\nb",\n', "line 2: label is empty"],
  ["path,label\n,x\n", "line 2: path is empty"],
  ["path,labels\na,x||y\n", "line 2: one of its labels is empty"],
  ["path,label,labels\na,x,y\n", "line 1: the header has both label and labels, expected one of them"],
  ["path,label\na\0b,x\n", "line 2: path contains a zero byte"],
  ["path,label,split\na,x,trian\n", 'line 2: split is "trian", expected train, val, valid, validation or test'],
  [`path,label\n${"a".repeat(70_000)},x\n`, "line 2: a field is longer than 65536 characters"],
  [`path,label${",z".repeat(1000)}\n`, "line 1: more than 1000 fields"],
])("a wrong table is refused by its line: %j", (text, fact) => {
  expect(() => csv(text)).toThrowError(
    expect.objectContaining({ code: "DATASET_INVALID", message: `Cannot read the list "list.csv": ${fact}` }),
  );
});

test.each([
  ["[1]", 'line 1: expected an object such as {"path": "a.jpg", "label": "daisy"}'],
  ['\n{"path": "a"}', "line 2: label is missing or neither text nor an integer"],
  ['{"path": 1, "label": 1}', "line 1: path is missing or no text"],
  ['{"path": "a", "label": 1.5}', "line 1: label is missing or neither text nor an integer"],
  ['{"path": "a", "labels": "x"}', "line 1: labels is not an array of texts and integers"],
  ['{"path": "a", "labels": ["x", null]}', "line 1: labels is not an array of texts and integers"],
  ['{"path": "a", "label": "x", "labels": []}', "line 1: it has both label and labels, expected one of them"],
  ['{"path": "a", "label": 1, "split": 2}', "line 1: split is not text"],
])("a wrong line is refused: %j", (text, fact) => {
  expect(() => jsonl(text)).toThrowError(
    expect.objectContaining({ code: "DATASET_INVALID", message: `Cannot read the list "list.jsonl": ${fact}` }),
  );
});

test("what was written by the rules of RFC 4180 is read back", () => {
  const field = fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(..."ab ,\"\r\n;'\t") }).filter((text) => text.trim() !== "");
  const quote = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  fc.assert(
    fc.property(fc.array(fc.tuple(field, field), { maxLength: 8 }), fc.constantFrom("\n", "\r\n"), (rows, end) => {
      const text = ["path,label", ...rows.map((row) => row.map(quote).join(","))].join(end);
      expect(csv(text)).toEqual(rows.map(([path, label]) => ({ path: path.trim(), label: label.trim(), split: null })));
    }),
  );
});

test("any text is read or refused by name", () => {
  const piece = fc.constantFrom(
    "path,label",
    "path,label,split",
    '{"path":"a","label":1}',
    '"',
    ",",
    "\n",
    "\r",
    "{",
    "}",
    "x",
    "\0",
    "\ud800",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), fc.constantFrom("csv", "tsv", "jsonl"), (pieces, format) => {
      try {
        for (const sample of parseSampleList(pieces.join(""), format, "x")) expect(sample.path).not.toBe("");
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(InceptionError);
        expect(thrown).toMatchObject({ code: "DATASET_INVALID" });
      }
    }),
    { numRuns: 500 },
  );
});
