import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failureOf } from "../../../test/failures.js";
import { clearExplanation, writeExplanationList } from "./results.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-results-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the directory of an explanation", () => {
  test("loses the files that the earlier list names, and no others", async () => {
    const out = path.join(folder, "earlier");
    await clearExplanation(out);
    await writeExplanationList(out, ["a.grad_cam.png", "b.grad_cam.png", "index.html"]);
    for (const name of ["a.grad_cam.png", "index.html", "notes.txt", "mine.png"]) writeFileSync(path.join(out, name), name);
    await clearExplanation(out);
    expect(readdirSync(out).sort()).toEqual(["mine.png", "notes.txt"]);
  });

  test("is refused where it holds files and no earlier explanation", async () => {
    const out = path.join(folder, "foreign");
    mkdirSync(out);
    writeFileSync(path.join(out, "holiday.png"), "");
    expect(await failureOf(clearExplanation(out))).toMatchObject({
      code: "OPTION_INVALID",
      message: `Cannot write explanations to "${out}": the directory is not empty (holiday.png) and contains no earlier explanation`,
    });
    expect(readdirSync(out)).toEqual(["holiday.png"]);
  });

  test("is refused where the list is another's, or names files elsewhere, and nothing is removed", async () => {
    for (const [name, list] of [
      ["text", "no JSON object: []"],
      ["other", "[]"],
      ["reaching", JSON.stringify({ format: "inceptionkit-explanation", files: ["../victim.png"] })],
      ["kind", JSON.stringify({ format: "inceptionkit-explanation", files: ["photo.raw"] })],
    ] as const) {
      const out = path.join(folder, name);
      mkdirSync(out);
      writeFileSync(path.join(folder, "victim.png"), "");
      writeFileSync(path.join(out, "photo.raw"), "");
      writeFileSync(path.join(out, "explanation.json"), list);
      expect(await failureOf(clearExplanation(out)), name).toMatchObject({ code: "FILE_CORRUPT" });
      expect(readdirSync(out).sort()).toEqual(["explanation.json", "photo.raw"]);
      expect(readdirSync(folder)).toContain("victim.png");
    }
  });
});
