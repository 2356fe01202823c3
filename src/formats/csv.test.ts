import { expect, test } from "vitest";
import { encodeCsv } from "./csv.js";

test("fields are quoted as RFC 4180 says, lines end with CR LF, nothing is an empty field", () => {
  expect(
    encodeCsv(
      ["a", "b"],
      [
        ['say "x"', "1,5"],
        ["two\nlines", null],
      ],
    ),
  ).toBe('a,b\r\n"say ""x""","1,5"\r\n"two\nlines",\r\n');
});

test("text that a spreadsheet would run is prefixed; numbers stay numbers", () => {
  const cells = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=x", "a=b", -1.5, 2e-7];
  expect(
    encodeCsv(
      ["cell"],
      cells.map((cell) => [cell]),
    ),
  ).toBe("cell\r\n'=1+1\r\n'+1\r\n'-1\r\n'@SUM(A1)\r\n'\tx\r\n\"'\r=x\"\r\na=b\r\n-1.5\r\n2e-7\r\n");
});
