/**
 * A run as one HTML page: no script, nothing loaded from elsewhere, light and dark. A pure function of its data, so that
 * equal runs give equal pages.
 */

import { escapeMarkup } from "../text.js";
import { bestEpoch, type EpochRow, METRICS, type Metric, metricValue, type StepPoint } from "../train/history.js";
import { encodeJson, isJsonRecord, type JsonData, type JsonRecord } from "../train/json.js";
import type { ClassScore, Evaluation, Mistake } from "../train/metrics.js";
import { formatLoss, formatPercent, NOTHING_SMOOTHED, smooth, smoothedValue } from "../train/progress.js";
import { type Chart, lineChart, type Series } from "./chart.js";
import { confusionMatrix } from "./confusion.js";
import { besides, type Fact, type Figure, factSection, folded, MAX_FIGURES, note, page, section } from "./page.js";
import { safePicture } from "./picture.js";
import type { Point } from "./plot.js";
import { calibrationSection, type ShownCalibration } from "./reliability.js";
import { type ScoredSet, scoredSetSections } from "./scored-set.js";
import { type Column, score, table } from "./table.js";

/** Everything that a report shows. All texts may be anything: they are escaped. */
export interface ReportData {
  readonly title: string;
  /** Model id. */
  readonly model: string;
  /** Name of the data. */
  readonly dataset: string;
  /** How the run ended: "finished", "stopped early", "interrupted", … */
  readonly status: string;
  /** Epochs that were planned. */
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** Class names by index. */
  readonly classes: readonly string[];
  readonly history: readonly EpochRow[];
  /** What `best` is chosen by. */
  readonly metric: Metric;
  readonly steps: readonly StepPoint[];
  /** Of the validation images with the best weights; null where none were measured. */
  readonly evaluation: Evaluation | null;
  /** How far the probabilities of the validation images can be trusted; absent where that was not measured. */
  readonly calibration?: ShownCalibration | undefined;
  /** Scores of whole validation volumes, of a run that segments. */
  readonly volumes?: ScoredSet | undefined;
  /** Pictures of misclassified images by index in the dataset, as data: URIs of PNG, JPEG, WebP or GIF; others are omitted. */
  readonly pictures: ReadonlyMap<number, string>;
  /** Further cards: name and value. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly configuration: JsonRecord;
  readonly environment: readonly (readonly [name: string, value: string])[];
}

/**
 * The report of a run.
 *
 * @example
 * ```ts
 * import { runReport } from "inceptionkit/report";
 * const html = runReport({
 *   title: "a run", model: "googlenet", dataset: "flowers", status: "finished", epochs: 1, stepsPerEpoch: 10,
 *   classes: ["daisy", "rose"], history: [], metric: "top1", steps: [], evaluation: null, pictures: new Map(),
 *   facts: [], configuration: {}, environment: [],
 * });
 * html.startsWith("<!doctype html>"); // true
 * ```
 */
export function runReport(data: ReportData): string {
  const { shown, more } = figures(data);
  return page({
    title: data.title,
    status: { text: data.status, tone: STATUS_TONES.get(data.status) },
    lead: `${data.model} on ${data.dataset}`,
    figures: shown,
    markup: [
      curves(data),
      ...(data.calibration === undefined ? [] : [calibrationSection(data.calibration)]),
      ...(data.evaluation === null ? [] : evaluationSections(data, data.evaluation)),
      ...(data.volumes === undefined ? [] : scoredSetSections(data.volumes)),
      besides(factSection("Configuration", flatten("", data.configuration)), factSection("Environment", [...more, ...data.environment])),
    ],
  });
}

const STATUS_TONES: ReadonlyMap<string, "good" | "warn"> = new Map([
  ["finished", "good"],
  ["stopped early", "good"],
  ["interrupted", "warn"],
]);

function formatMetric(metric: Metric, value: number): string {
  if (metric === "dice") return value.toFixed(4);
  return METRICS[metric].higherIsBetter ? formatPercent(value) : formatLoss(value);
}

/** The best value first, then what fits beside it; the rest is facts. */
function figures(data: ReportData): { readonly shown: readonly Figure[]; readonly more: readonly Fact[] } {
  const best = bestEpoch(data.history, data.metric);
  const bestValue = best && metricValue(best, data.metric);
  const { evaluation } = data;
  const verdict =
    best === null || bestValue === null
      ? []
      : [
          {
            value: formatMetric(data.metric, bestValue),
            name: `best ${METRICS[data.metric].name}, epoch ${best.epoch}`,
            tone: "good",
          } as const,
        ];
  const measured: readonly Fact[] =
    evaluation === null
      ? []
      : [
          ...(data.metric === "top1" ? [] : [["top-1", formatPercent(evaluation.top1)] as const]),
          // Five predictions of five classes are always right.
          ...(data.classes.length > 5 ? [["top-5", formatPercent(evaluation.top5)] as const] : []),
          ["validation loss", formatLoss(evaluation.loss)],
          ["mean F1", formatPercent(evaluation.macro.f1)],
          ["validation images", evaluation.images.toLocaleString("en-US")],
        ];
  const all: readonly Fact[] = [...measured, ["epochs", `${data.history.at(-1)?.epoch ?? 0} of ${data.epochs}`], ...data.facts];
  const beside = all.slice(0, MAX_FIGURES).map(([name, value]) => ({ value, name }));
  return { shown: [...verdict, ...beside], more: all.slice(MAX_FIGURES) };
}

function curves(data: ReportData): string {
  const { history, metric } = data;
  const best = bestEpoch(history, metric);
  const marker = (key: Metric) => {
    const value = best && metricValue(best, key);
    return best === null || value === null
      ? undefined
      : { x: best.epoch, y: value, label: `epoch ${best.epoch}: ${formatMetric(key, value)}` };
  };
  const rates =
    data.steps.length > 0
      ? stepPoints(data, ({ learningRate }) => learningRate)
      : history.map((row) => ({ x: row.epoch, y: row.learningRate }));
  const charts = [
    lineChart({
      title: "Loss",
      xLabel: "epoch",
      series: [...trainLoss(data), { name: "validation", hue: "valid", look: "dots", points: epochPoints(history, "loss") }],
      format: shortNumber,
      marker: marker(metric === "trainLoss" ? "trainLoss" : "loss"),
    }),
    history.some(({ dice }) => dice !== undefined)
      ? diceChart(data, marker("dice"))
      : accuracyChart(data, marker(metric === "trainTop1" ? "trainTop1" : "top1")),
    lineChart({
      title: "Learning rate",
      xLabel: "epoch",
      series: [{ name: "learning rate", hue: "rate", look: "line", points: rates }],
      format: shortNumber,
      include: [0],
    }),
  ];
  return section("Training", `<div class="charts">${charts.join("\n")}</div>`);
}

type Marker = Chart["marker"];

function accuracyChart({ history, classes }: ReportData, marker: Marker): string {
  const top5 =
    classes.length > 5 ? [{ name: "validation, top-5", hue: "second", look: "dashed", points: epochPoints(history, "top5") } as const] : [];
  return lineChart({
    title: "Top-1 accuracy",
    xLabel: "epoch",
    series: [
      { name: "training", hue: "train", look: "line", points: epochPoints(history, "trainTop1") },
      { name: "validation", hue: "valid", look: "dots", points: epochPoints(history, "top1") },
      ...top5,
    ],
    format: (share) => `${Math.round(share * 1000) / 10}%`,
    marker,
    include: [1],
  });
}

/** Colors of the first classes; a chart with more curves than these shows the mean alone. */
const CLASS_HUES = ["cat-1", "cat-3", "cat-4"] as const;

/** Dice of each class but the background, and their mean. */
function diceChart({ history, classes }: ReportData, marker: Marker): string {
  const names = classes.slice(1);
  const series = CLASS_HUES.slice(0, names.length).map((hue, index) => ({
    name: names[index] ?? `class ${index + 1}`,
    hue,
    look: "line" as const,
    points: history.flatMap(({ epoch, dice }) => (dice?.[index] === undefined ? [] : [{ x: epoch, y: dice[index] }])),
  }));
  return lineChart({
    title: "Validation Dice (patches)",
    xLabel: "epoch",
    series: [
      ...(names.length > CLASS_HUES.length || names.length < 2 ? [] : series),
      { name: "mean", hue: "valid", look: "dots", points: epochPoints(history, "dice") },
    ],
    format: (share) => share.toFixed(2),
    marker,
    include: [1],
  });
}

/** Epochs that were not measured are no points; NaN and infinities are gaps. */
function epochPoints(history: readonly EpochRow[], key: Metric): readonly Point[] {
  return history.flatMap((row) => {
    const y = metricValue(row, key);
    return y === null ? [] : [{ x: row.epoch, y }];
  });
}

function stepPoints(data: ReportData, value: (point: StepPoint) => number): readonly Point[] {
  return data.steps.map((point) => ({ x: point.step / data.stepsPerEpoch, y: value(point) }));
}

function trainLoss(data: ReportData): readonly Series[] {
  if (data.steps.length === 0) return [{ name: "training", hue: "train", look: "line", points: epochPoints(data.history, "trainLoss") }];
  const raw = stepPoints(data, ({ loss }) => loss);
  // About a fiftieth of the run is averaged: enough to see the course, not so much that it lags.
  const momentum = 1 - 1 / Math.min(50, Math.max(2, data.steps.length / 50));
  let past = NOTHING_SMOOTHED;
  const smoothed = raw.map(({ x, y }) => {
    past = smooth(past, y, momentum);
    return { x, y: Number.isFinite(y) ? smoothedValue(past) : Number.NaN };
  });
  return [
    { name: "training, per logged step", hue: "train", look: "faint", points: raw.filter(({ y }) => Number.isFinite(y)) },
    { name: "training", hue: "train", look: "line", points: smoothed },
  ];
}

/** As short as the value allows: 0.05, 2.5, 1e-5. */
function shortNumber(value: number): string {
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  return magnitude < 1e-3 || magnitude >= 1e5 ? value.toExponential(1).replace(".0e", "e") : String(Number(value.toPrecision(3)));
}

function evaluationSections(data: ReportData, evaluation: Evaluation): readonly string[] {
  const { confusion, classes, mistakes, images } = evaluation;
  return [
    ...(confusion === null
      ? []
      : [
          section(
            "Confusion matrix",
            confusionMatrix(confusion, data.classes),
            `${images.toLocaleString("en-US")} validation images, best weights`,
          ),
        ]),
    section("Classes", classTable(classes, data.classes)),
    ...(mistakes.length === 0
      ? []
      : [
          section(
            "Most confident misclassifications",
            `<div class="mistakes">${mistakes.map((mistake) => mistakeFigure(mistake, data)).join("\n")}</div>`,
            "ordered by loss",
          ),
        ]),
  ];
}

/** With more classes the weakest come first and the others can be unfolded. */
const CLASSES_SHOWN = 40;
const WEAKEST_SHOWN = 20;

function classTable(scores: readonly ClassScore[], names: readonly string[]): string {
  const rows = scores.map((each, index) => ({ score: each, name: names[index] ?? `class ${index}` }));
  if (rows.length <= CLASSES_SHOWN) return scoreTable("Classes", rows);
  const weakest = rows.filter(({ score }) => score.support > 0).toSorted((a, b) => (a.score.f1 ?? 0) - (b.score.f1 ?? 0));
  const all = `All ${rows.length} classes`;
  return [
    note(`The ${WEAKEST_SHOWN} classes with the lowest F1:`),
    scoreTable("Classes with the lowest F1", weakest.slice(0, WEAKEST_SHOWN)),
    folded(all, scoreTable(all, rows)),
  ].join("");
}

const SCORE_COLUMNS: readonly Column[] = [
  { head: "Class", kind: "name" },
  { head: "Images", kind: "number" },
  ...["Precision", "Recall", "F1"].map((head): Column => ({ head, kind: "score" })),
];

function scoreTable(label: string, rows: readonly { readonly score: ClassScore; readonly name: string }[]): string {
  return table(label, {
    columns: SCORE_COLUMNS,
    rows: rows.map(({ name, score: { support, precision, recall, f1 } }) => [
      name,
      support.toLocaleString("en-US"),
      ...[precision, recall, f1].map((value) => score(value)),
    ]),
  });
}

function mistakeFigure(mistake: Mistake, data: ReportData): string {
  const nameOf = (index: number): string => escapeMarkup(data.classes[index] ?? `class ${index}`);
  const uri = safePicture(data.pictures.get(mistake.index));
  const name = escapeMarkup(mistake.name);
  const picture = uri === null ? '<div class="none">no preview</div>' : `<img src="${uri}" alt="${name}">`;
  const said = `<span class="said">${nameOf(mistake.predicted)}</span> <span class="nowrap">${formatPercent(mistake.probability)}</span>`;
  return `<figure>${picture}<figcaption>${said}<br>label: ${nameOf(mistake.label)}<small title="${name}">${name}</small></figcaption></figure>`;
}

/** Nested settings as `optimizer.momentum`. */
function flatten(prefix: string, value: JsonData): readonly Fact[] {
  if (isJsonRecord(value) && Object.keys(value).length > 0) {
    // By name: a resumed run reads its settings from a file that sorts them.
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return entries.flatMap(([key, item]) => flatten(prefix === "" ? key : `${prefix}.${key}`, item));
  }
  if (prefix === "") return [];
  return [[prefix, value === null ? "none" : typeof value === "string" ? value : encodeJson(value)]];
}
