/**
 * Draws the curves of finished runs for the documentation: accuracy and loss by epoch, a column for each run; all share the axis of epochs.
 * Of runs that segment two classes: Dice of each, and the validation loss.
 *
 *   npm run build && node tools/run-curves.mjs docs/results.flowers5.svg flowers5=runs/flowers5
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { panelSvg } from "../dist/report/panels.js";

const [target, ...named] = process.argv.slice(2);
const runs = named.map((text) => text.split("="));
if (target === undefined || runs.length === 0 || runs.some((pair) => pair.length !== 2)) {
  process.stderr.write("usage: node tools/run-curves.mjs OUT.svg NAME=RUN [NAME=RUN …]\n");
  process.exit(2);
}

const LEGEND = [
  { hue: "train", name: "training" },
  { hue: "valid", name: "validation" },
];

const histories = runs.map(([, folder]) =>
  readFileSync(path.join(folder, "metrics.jsonl"), "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line))
    .filter(({ kind }) => kind === "epoch"),
);

function line({ hue, name }, history, key) {
  return { hue, name, points: history.map((row) => ({ x: row.epoch, y: row[key] ?? Number.NaN })) };
}

function row(label, axis, training, validation) {
  const [train, valid] = LEGEND;
  return { label, axis, panels: histories.map((history) => [line(train, history, training), line(valid, history, validation)]) };
}

const segments = histories.every((history) => history.every((each) => each.dice1 !== undefined));
const classes = segments ? JSON.parse(readFileSync(path.join(runs[0][1], "labels.json"), "utf8")).slice(1, 3) : [];
const DICE = ["cat-1", "cat-3"].map((hue, index) => ({ hue, name: classes[index] ?? "" }));

function diceRows() {
  const dice = histories.map((history) => DICE.map((look, index) => line(look, history, `dice${index + 1}`)));
  const loss = histories.map((history) => [line({ hue: "valid", name: "validation loss" }, history, "loss")]);
  return [
    { label: "Dice", axis: "share", panels: dice },
    { label: "loss", axis: "log", panels: loss },
  ];
}

writeFileSync(
  target,
  panelSvg({
    title: "Training and validation by epoch",
    columns: runs.map(([name]) => name),
    rows: segments ? diceRows() : [row("top-1", "share", "trainTop1", "top1"), row("loss", "log", "trainLoss", "loss")],
    legend: segments ? [...DICE, { hue: "valid", name: "validation loss" }] : LEGEND,
    xLabel: "epoch",
  }),
);
