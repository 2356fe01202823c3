import { expect, test } from "vitest";
import { columnsOf, fitColumns, nearestName, visibleJson, visibleLines, visibleText } from "./text.js";

// ESC, C1, CR, a right-to-left override, an isolate, a zero-width space, a byte order mark, a soft hyphen, a tag, a line separator,
// half of a surrogate pair.
const HOSTILE = "a\u001b[2Jb\u009bc\rd\u202ee\u2066f\u200bg\ufeffh\u00adi\u{e0041}j\u2028k\ud800l";
const SHOWN = "a\\u{1b}[2Jb\\u{9b}c\\u{d}d\\u{202e}e\\u{2066}f\\u{200b}g\\u{feff}h\\u{ad}i\\u{e0041}j\\u{2028}k\\u{d800}l";

test("what acts on a terminal or hides is shown as an escape; letters of all scripts and emoji stay", () => {
  expect(visibleText(HOSTILE)).toBe(SHOWN);
  expect(visibleText("a\nb\tc")).toBe("a\\u{a}b\\u{9}c");
  const letters = "Ünïcödé क्षि שלום 漢字 😀 mm³";
  expect(visibleText(letters)).toBe(letters);
});

test("text with lines keeps newlines and tabs, and no other control character", () => {
  expect(visibleLines(`x\r\n\t${HOSTILE}\n`)).toBe(`x\r\n\t${SHOWN}\n`);
  expect(visibleLines("done\rfake")).toBe("done\\u{d}fake");
});

test("JSON has the same value, in characters that do nothing", () => {
  const value = { [HOSTILE]: [HOSTILE, -1.5, null] };
  const text = visibleJson(value);
  expect(JSON.parse(text)).toEqual(value);
  expect(visibleText(text)).toBe(text);
  expect(visibleJson("\u202e\u{e0041}")).toBe('"\\u202e\\udb40\\udc41"');
});

test("columns of a terminal: combining marks take none, East Asian characters and emoji two", () => {
  expect(["abc", "e\u0301", "漢字", "😀", ""].map(columnsOf)).toEqual([3, 1, 4, 2, 0]);
  expect(fitColumns("a漢字b", 4)).toBe("a漢");
  expect(fitColumns("e\u0301e\u0301e", 2)).toBe("e\u0301e\u0301");
  expect(fitColumns("abc", 3)).toBe("abc");
});

test("the nearest name is that of the fewest edits, or none", () => {
  const names = ["train", "train-seg", "explain", "eval", "eval-seg", "embed"];
  expect(["trian", "tarin", "trin", "eval-sge", "EMBED"].map((name) => nearestName(name, names))).toEqual([
    ...["train", "train", "train", "eval-seg", "embed"],
  ]);
  expect(["x", "recognize", "classify", "__proto__", ""].map((name) => nearestName(name, names))).toEqual([null, null, null, null, null]);
});
