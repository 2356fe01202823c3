/**
 * Measures what a check finds of planted faults, as the tables and the curve of docs/results.md.
 *
 *   npx tsc -p tools/check-figures && node tmp/check-figures/tools/check-figures/run.js DATA OUT [SET …]
 *
 * DATA has flowers5/, cifar10/ and googlenet_bvlc/. OUT gets the planted sets, their checks as JSON and the curve, check-labels.svg;
 * a check that is there is not repeated.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ImageCheck } from "../../src/check/image-check.js";
import { checkImages, imageFolder } from "../../src/index.js";
import { panelSvg } from "../../src/report/panels.js";
import { CHANGES, type Planted, type PlantedCopy, plantFaults } from "../../test/planted.js";
import { type CurvePoint, labelCurve } from "./curve.js";

/** Flowers: all images. Half of what is planted are copies within training, half are leaks. */
const SETS = {
  flowers5: { parts: ["train", "val"], perClass: [100, 40], each: 20 },
  cifar10: { parts: ["train", "test"], perClass: [500, 100], each: 40 },
} as const;
const FLIPS = 0.05;
const SEED = 1;

interface Measured {
  readonly planted: Planted;
  /** Of the planted set, with labels. */
  readonly faulty: ImageCheck;
  /** Of the same images without faults, without labels. */
  readonly untouched: ImageCheck;
  readonly seconds: number;
}

type SetName = keyof typeof SETS;

async function measured(data: string, out: string, name: SetName): Promise<Measured> {
  const stored = path.join(out, `${name}.json`);
  if (existsSync(stored)) return JSON.parse(readFileSync(stored, "utf8")) as Measured;
  const [plain, target] = [path.join(out, `${name}-plain`), path.join(out, name)];
  for (const folder of [plain, target]) rmSync(folder, { recursive: true, force: true });
  await plantFaults(path.join(data, name), plain, { ...SETS[name], each: 0, flips: 0, seed: SEED });
  const planted = await plantFaults(path.join(data, name), target, { ...SETS[name], flips: FLIPS, seed: SEED });
  const untouched = await checkImages(imageFolder(plain));
  const began = performance.now();
  const model = { model: "googlenet.paper", weights: path.join(data, "googlenet_bvlc/bvlc_googlenet.safetensors") };
  const faulty = await checkImages(imageFolder(target), model);
  const result = { planted, faulty, untouched, seconds: (performance.now() - began) / 1000 };
  writeFileSync(stored, JSON.stringify(result));
  return result;
}

function isFound({ duplicates }: ImageCheck, { original, copy }: PlantedCopy): boolean {
  return duplicates.some(({ images }) => [original, copy].every((name) => images.some((image) => image.name === name)));
}

function copyRows({ planted, faulty, untouched }: Measured): readonly string[] {
  const share = (of: readonly PlantedCopy[]): string => `${of.filter((pair) => isFound(faulty, pair)).length} of ${of.length}`;
  const rows = CHANGES.map((change) => {
    const of = (pairs: readonly PlantedCopy[]) => share(pairs.filter((pair) => pair.change === change));
    return `| ${change} | ${of(planted.copies)} | ${of(planted.leaks)} |`;
  });
  const known = [...planted.copies, ...planted.leaks].map(({ original, copy }) => [original, copy]);
  const other = faulty.duplicates
    .map(({ images }) => images.map((image) => image.name))
    .filter((names) => !known.some((pair) => pair.every((each) => names.includes(each))));
  const groups = untouched.duplicates.map(({ images }) => images.map((image) => image.name).join(" = "));
  return [
    "| planted | copies found | leaks found |",
    "|---|---:|---:|",
    ...rows,
    `| all | ${share(planted.copies)} | ${share(planted.leaks)} |`,
    "",
    `Groups without a planted pair: ${other.length}. On the untouched images: ${JSON.stringify(untouched.counts)}, ${groups.length} groups:`,
    ...groups.map((names) => `- ${names}`),
  ];
}

function curveRows(curve: readonly CurvePoint[]): readonly string[] {
  const at = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1].map((recall) => curve.find((point) => point.recall >= recall));
  const percent = (value: number): string => `${(100 * value).toFixed(1)}%`;
  const rows = at.flatMap((point) =>
    point === undefined ? [] : [`| ${point.listed} | ${percent(point.recall)} | ${percent(point.precision)} |`],
  );
  const reached = curve.findLast(({ precision }) => precision >= 0.4);
  return [
    "| suspects looked at | recall | precision |",
    "|---:|---:|---:|",
    ...rows,
    "",
    `At a precision of 40%: ${JSON.stringify(reached)}. All suspects: ${JSON.stringify(curve.at(-1))}`,
  ];
}

const [data, out, ...only] = process.argv.slice(2);
if (data === undefined || out === undefined) {
  process.stderr.write("usage: node tmp/check-figures/tools/check-figures/run.js DATA OUT [SET …]\n");
  process.exit(2);
}
const names = (Object.keys(SETS) as SetName[]).filter((name) => only.length === 0 || only.includes(name));
const curves: (readonly CurvePoint[])[] = [];
for (const name of names) {
  const result = await measured(data, out, name);
  const { labels, train, val, counts } = result.faulty;
  const curve = labelCurve(
    (labels?.suspects ?? []).map((suspect) => suspect.name),
    result.planted.flipped,
  );
  curves.push(curve);
  const head = `${train} + ${val} images in ${result.seconds.toFixed(0)} s, ${JSON.stringify(counts)}, cross-validated accuracy ${labels?.accuracy}`;
  const flips = `Labels: ${result.planted.flipped.length} of the training images are flipped.`;
  process.stdout.write([`## ${name}`, "", head, "", ...copyRows(result), "", flips, "", ...curveRows(curve), "", ""].join("\n"));
}
const figure = panelSvg({
  title: "Flipped labels among the suspects",
  columns: names,
  rows: [
    {
      label: "precision",
      axis: "share",
      panels: curves.map((curve) => [
        { hue: "cat-1", name: "precision", points: curve.map(({ recall, precision }) => ({ x: 100 * recall, y: precision })) },
      ]),
    },
  ],
  legend: [{ hue: "cat-1", name: "precision by recall" }],
  xLabel: "recall in percent",
});
writeFileSync(path.join(out, "check-labels.svg"), figure);
