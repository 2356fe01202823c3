/**
 * Draws the curves of finished runs for the documentation: accuracy and loss by epoch, a column for each run; all share the axis of epochs.
 *
 *   npm run build && node tools/run-curves.mjs docs/results.flowers5.svg flowers5=runs/flowers5
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { panelSvg } from "../dist/node/experiments/panels.js";

const [target, ...named] = process.argv.slice(2);
const runs = named.map((text) => text.split("="));
if (target === undefined || runs.length === 0 || runs.some((pair) => pair.length !== 2)) {
  process.stderr.write("usage: node tools/run-curves.mjs OUT.svg NAME=RUN [NAME=RUN …]\n");
  process.exit(2);
}

const LEGEND = [
  { tone: 0, name: "training" },
  { tone: 2, name: "validation" },
];

const histories = runs.map(([, folder]) =>
  readFileSync(path.join(folder, "metrics.jsonl"), "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line))
    .filter(({ kind }) => kind === "epoch"),
);

function line({ tone, name }, history, key) {
  return { tone, name, points: history.map((row) => ({ x: row.epoch, y: row[key] ?? Number.NaN })) };
}

function row(label, axis, training, validation) {
  const [train, valid] = LEGEND;
  return { label, axis, panels: histories.map((history) => [line(train, history, training), line(valid, history, validation)]) };
}

writeFileSync(
  target,
  panelSvg({
    title: "Training and validation by epoch",
    columns: runs.map(([name]) => name),
    rows: [row("top-1", "share", "trainTop1", "top1"), row("loss", "log", "trainLoss", "loss")],
    legend: LEGEND,
    xLabel: "epoch",
  }),
);
