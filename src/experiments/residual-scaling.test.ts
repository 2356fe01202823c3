import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestTrainer } from "../../test/in-process-trainer.js";
import { InceptionError } from "../errors.js";
import { residualNetwork } from "./residual-network.js";
import { type ExperimentEvent, residualScalingExperiment, runSweep } from "./residual-scaling.js";
import { type Cell, fullSweep, type Sweep } from "./sweep.js";
import { cellsCsv, curvesCsv, findings, outcomeOf } from "./tables.js";
import type { CellResult } from "./train-cell.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-experiment-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const CELL: Cell = { filters: 16, scale: 1, norm: "conv", optimizer: "rmsprop", learningRate: 0.045, seed: 5 };
const TINY: Sweep = {
  name: "quick",
  cells: [CELL, { ...CELL, scale: 0.1, norm: "none", optimizer: "sgd" }],
  steps: 5,
  batch: 4,
  blocks: 1,
  probeEvery: 2,
};

describe("residualNetwork", () => {
  const paths = (norm: "conv" | "both" | "sum" | "none") =>
    residualNetwork({ filters: 32, scale: 0.3, norm, blocks: 2 })
      .nodes.filter(({ op }) => op === "batchNormalization")
      .map(({ path: at }) => at);

  test("normalizes where it is told to", () => {
    // Three of the stem, four in each block.
    expect(paths("conv")).toHaveLength(3 + 2 * 4);
    expect(paths("sum")).toEqual(["reduction_a.bn", "reduction_b.bn", "inception_c.0.bn", "inception_c.1.bn"]);
    expect(paths("both").toSorted()).toEqual([...paths("conv"), ...paths("sum")].toSorted());
    expect(paths("none")).toEqual([]);
  });

  test("scales each residual, and leaves the multiplication out at scale 1", () => {
    const factors = (scale: number) =>
      residualNetwork({ filters: 32, scale, norm: "conv", blocks: 2 })
        .nodes.filter(({ op }) => op === "scale")
        .map(({ attributes }) => attributes.factor);
    expect(factors(0.3)).toEqual([0.3, 0.3]);
    expect(factors(1)).toEqual([]);
  });

  test("the trunk is as wide as asked, on 3×3 maps, and the branches a quarter of the published share", () => {
    const { types, modules } = residualNetwork({ filters: 1792, scale: 1, norm: "conv", blocks: 1 });
    const last = modules.find(({ path: at }) => at === "inception_c")?.output ?? "";
    expect(types.get(last)?.shape).toEqual(["N", 1792, 3, 3]);
    expect(types.get("inception_c.0.branch0.conv")?.shape).toEqual(["N", 192 / 4, 3, 3]);
  });
});

describe("fullSweep", () => {
  test("has every cell once, and for every unscaled one the same scaled", () => {
    const cells = fullSweep(1).cells.map((cell) => JSON.stringify(cell));
    expect(new Set(cells).size).toBe(cells.length);
    for (const cell of fullSweep(1).cells) {
      if (cell.scale === 1) expect(cells).toContain(JSON.stringify({ ...cell, scale: 0.1 }));
    }
  });
});

describe("runSweep", () => {
  test("writes tables, figures and pages, reports its progress, and gives the same tables for the same seed", async () => {
    const events: ExperimentEvent[] = [];
    const [first, second] = [path.join(folder, "a/b"), path.join(folder, "c")];
    const { results, files } = await runSweep(TINY, { out: first, onEvent: (event) => events.push(event) }, createTestTrainer);
    await runSweep(TINY, { out: second }, createTestTrainer);
    expect(files.map((file) => path.basename(file)).toSorted()).toEqual([
      "cells.csv",
      "curves.csv",
      "placements.svg",
      "recipes.svg",
      "report.html",
      "report.md",
      "widths.svg",
    ]);
    for (const name of ["cells.csv", "curves.csv", "widths.svg"]) {
      expect(readFileSync(path.join(first, name), "utf8")).toBe(readFileSync(path.join(second, name), "utf8"));
    }
    // Before the first step, every second step, and after the last.
    for (const { probes, val } of results) {
      expect(probes.map(({ step }) => step)).toEqual([0, 2, 4, 5]);
      expect(probes.map(({ loss }) => loss === null)).toEqual([true, false, false, false]);
      expect(val).toBeGreaterThanOrEqual(0);
    }
    expect(events.filter(({ kind }) => kind === "step")).toHaveLength(10);
    expect(events.at(-1)).toMatchObject({ kind: "cell", place: { number: 2, cells: 2, steps: 5, done: 1 } });
    expect(readFileSync(path.join(first, "report.md"), "utf8")).toContain("| 16 | 0.1 | none | sgd 0.045 | 5 | alive |");
    const page = readFileSync(path.join(first, "report.html"), "utf8");
    expect(page.match(/<svg class="panels"/g)).toHaveLength(3);
    expect(page).not.toMatch(/(?:src|href)=/);
  });

  test("another seed gives another table", async () => {
    const sweep = { ...TINY, cells: [CELL, { ...CELL, seed: 6 }] };
    const { results } = await runSweep(sweep, { out: path.join(folder, "d") }, createTestTrainer);
    expect(results[0]?.probes[0]?.mean).not.toBe(results[1]?.probes[0]?.mean);
  });

  test("a loss that is not finite ends the network, not the sweep", async () => {
    const sweep: Sweep = { ...TINY, cells: [{ ...CELL, norm: "none", optimizer: "sgd", learningRate: 1e20 }, CELL] };
    const { results } = await runSweep(sweep, { out: path.join(folder, "e") }, createTestTrainer);
    expect(results.map(outcomeOf)).toEqual(["diverged", "alive"]);
    expect(results[0]).toMatchObject({ val: null });
    expect(results[0]?.divergedAt).toBeGreaterThanOrEqual(2);
    expect(results[0]?.divergedAt).toBeLessThanOrEqual(5);
  });
});

describe("tables", () => {
  const probe = { step: 0, loss: null, top1: null, zeros: 0.25, deadChannels: 0, mean: 1, deviation: 2 };
  const alive: CellResult = { cell: CELL, probes: [probe, { ...probe, step: 9, loss: 1 / 3, top1: 0.5 }], val: 0.75, divergedAt: null };
  const dead: CellResult = {
    ...alive,
    probes: [probe, { ...probe, step: 9, loss: 2.3, top1: 0.1, zeros: 1, deadChannels: 1, mean: 0, deviation: 0 }],
  };
  const diverged: CellResult = { cell: { ...CELL, seed: 7 }, probes: [{ ...probe, mean: Number.NaN }], val: null, divergedAt: 4 };

  test("CSV by hand", () => {
    expect(cellsCsv([alive, diverged])).toBe(
      [
        "filters,scale,norm,optimizer,learning_rate,seed,outcome,diverged_at,val_top1,step,loss,train_top1,zeros,dead_channels,mean,deviation",
        "16,1,conv,rmsprop,0.045,5,alive,,0.75,9,0.333333,0.5,0.25,0,1,2",
        "16,1,conv,rmsprop,0.045,7,diverged,4,,0,,,0.25,0,NaN,2",
        "",
      ].join("\r\n"),
    );
    expect(curvesCsv([alive]).split("\r\n").slice(1)).toEqual([
      "16,1,conv,rmsprop,0.045,5,0,,,0.25,0,1,2",
      "16,1,conv,rmsprop,0.045,5,9,0.333333,0.5,0.25,0,1,2",
      "",
    ]);
  });

  test("what died is named, and that nothing died is said", () => {
    expect(findings([alive, dead, diverged], 9)).toEqual([
      "1 of 3 networks died within 9 steps: 16 filters, scale 1, conv, rmsprop 0.045, seed 5.",
      "The loss of 1 became NaN or infinite: 16 filters, scale 1, conv, rmsprop 0.045, seed 7.",
      "The most zeros at the end: 100.0% (16 filters, scale 1, conv, rmsprop 0.045, seed 5).",
      "Maximum fraction of dead channels at any measurement: 100.0%.",
    ]);
    const scaled = { ...alive, cell: { ...CELL, scale: 0.1 }, val: 0.8 };
    expect(findings([dead, scaled], 9).at(-1)).toBe(
      "Of 1 pairs that differ in the scale only, 1 against 0.1, the unscaled network ended with more zeros in 1 and had lower validation accuracy in 1.",
    );
    expect(findings([alive], 9)[0]).toMatch(/^Null result: within 9 steps no network of the 1 died/);
  });
});

test.each([
  ["seed", -1, "Cannot set option seed of the experiment to -1: expected an integer from 0 to 2,147,483,648"],
  ["steps", 0.5, "Cannot set option steps of the experiment to 0.5: expected an integer from 1 to 1,000,000"],
])("%s %d is refused", async (name, value, message) => {
  const running = residualScalingExperiment({ out: path.join(folder, "none"), [name]: value });
  await expect(running).rejects.toThrow(new InceptionError("OPTION_INVALID", message, { owner: "the experiment", name, given: value }));
});
