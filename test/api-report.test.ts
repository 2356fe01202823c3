import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { apiReports } from "../tools/api-report.js";
import { ROOT } from "./program.js";

const FOLDER = path.join(ROOT, "api");

test("api/ has the public signatures of every subpath", () => {
  const reports = apiReports();
  if (process.env.UPDATE_DOCS) {
    rmSync(FOLDER, { recursive: true, force: true });
    mkdirSync(FOLDER);
    for (const { file, text } of reports) writeFileSync(path.join(FOLDER, file), text);
  }
  expect(readdirSync(FOLDER).toSorted()).toEqual(reports.map(({ file }) => file).toSorted());
  for (const { file, text } of reports) {
    expect(readFileSync(path.join(FOLDER, file), "utf8") === text, `api/${file} differs; run npm run api and look at the difference`).toBe(
      true,
    );
  }
});
