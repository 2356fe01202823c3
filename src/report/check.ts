/** What is wrong with a set of labeled images: pictures side by side, what to do, and how it was found. */
import type { CheckedImage, DuplicateImages, DuplicateLink, ImageCheck, SuspectLabel } from "../check/image-check.js";
import { escapeMarkup, formatCount } from "../text.js";
import { formatPercent } from "../train/progress.js";
import { columns, type Fact, type Figure, factSection, note, page, section } from "./page.js";
import { safePicture } from "./picture.js";
import { niceStep, px, ticks } from "./plot.js";
import { table } from "./table.js";

/** How a check was made, for the page. */
interface CheckPageOptions {
  /** The command that writes a cleaned list. */
  readonly cleanCommand: string;
  /** Program, seed and the like. */
  readonly facts: readonly Fact[];
  /** A small picture as a `data:` URI; undefined where the file cannot be read any more. */
  readonly picture: (image: CheckedImage) => Promise<string | undefined>;
}

/** Pairs of a section, and pictures of suspect labels: a page of 10 MB. */
const MAX_PAIRS = 60;
const MAX_SUSPECTS = 60;
const MAX_ROWS = 200;

/** The page of a check. Nothing on it is loaded from elsewhere. */
export async function checkPage(title: string, check: ImageCheck, options: CheckPageOptions): Promise<string> {
  const { counts, duplicates, labels } = check;
  const total = counts.leaks + counts.acrossClasses + counts.copies + counts.unreadable + counts.outliers + counts.suspectLabels;
  const leaks = pairsOf(
    duplicates.filter(({ leak }) => leak),
    leakPair,
  );
  const across = pairsOf(
    duplicates.filter(({ acrossClasses, leak }) => acrossClasses && !leak),
    crossPair,
  );
  const copies = pairsOf(
    duplicates.filter(({ acrossClasses, leak }) => !acrossClasses && !leak),
    firstPair,
  );
  return page({
    title: `Data check: ${title}`,
    status: total === 0 ? { text: "no findings", tone: "good" } : { text: count(total, "finding"), tone: "warn" },
    lead: lead(check),
    figures: figures(check),
    markup: [
      todoSection(check, options.cleanCommand),
      await pairSection("Leaks", "same image in training (left) and validation (right)", leaks, options),
      labels === null ? "" : await suspectSection(labels.suspects, options),
      columns(
        await pairSection("Copies", "within one class", copies, options),
        await pairSection("In two classes", "at least one label must be wrong", across, options),
      ),
      columns(classSection(check), brightnessSection(check)),
      outlierSection(check),
      unreadableSection(check),
      factSection("Method", methodFacts(check, options.facts)),
    ],
  });
}

function count(value: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(value)} ${value === 1 ? noun : plural}`;
}

function lead({ train, val, classes, labels }: ImageCheck): string {
  const held = val === 0 ? "none held out" : `${formatCount(val)} for validation`;
  const how = labels === null ? "" : `; labels checked with the features of ${labels.model}`;
  return `${count(train + val, "image")} in ${count(classes.length, "class", "classes")}, ${formatCount(train)} for training and ${held}${how}`;
}

function figures({ counts, labels }: ImageCheck): readonly Figure[] {
  const figure = (value: number, name: string, severe = false): Figure => ({
    value: formatCount(value),
    name,
    tone: severe && value > 0 ? "bad" : undefined,
  });
  const leaks = figure(counts.leaks, counts.leaks === 1 ? "leak: training = validation" : "leaks: training = validation", true);
  return [
    counts.leaks === 0 ? { ...leaks, tone: "good" } : leaks,
    figure(counts.copies, counts.copies === 1 ? "copy" : "copies"),
    figure(counts.acrossClasses, counts.acrossClasses === 1 ? "image in two classes" : "images in two classes", true),
    ...(labels === null ? [] : [figure(counts.suspectLabels, "possibly mislabeled")]),
    figure(counts.unreadable, counts.unreadable === 1 ? "unreadable file" : "unreadable files", true),
    figure(counts.outliers, counts.outliers === 1 ? "outlier" : "outliers"),
  ];
}

/** What a person does next, severe first. */
function todoSection(check: ImageCheck, cleanCommand: string): string {
  const { counts, classes, labels, notes } = check;
  const item = (tone: "bad" | "warn" | "good", word: string, head: string, text: string): string =>
    `<li><span class="tag${tone === "good" ? "" : ` ${tone}`}">${word}</span> <span>${head === "" ? "" : `<strong>${escapeMarkup(head)}</strong> `}${text}</span></li>`;
  const clean = `<code>${escapeMarkup(cleanCommand)}</code> writes a cleaned list.`;
  const counted = classes.map(({ train }) => train);
  const [most, least] = [Math.max(...counted), Math.min(...counted)];
  const ratio = `the largest class has ${(most / Math.max(1, least)).toFixed(2)} times as many training images as the smallest.`;
  const items = [
    counts.leaks > 0
      ? item(
          "bad",
          "severe",
          `Remove ${count(counts.leaks, "image")} from validation.`,
          `What is also in training makes accuracy look better than it is. ${clean}`,
        )
      : "",
    counts.acrossClasses > 0
      ? item(
          "bad",
          "severe",
          `Decide on ${count(counts.acrossClasses, "image")} in two classes.`,
          "The same image has different labels. The cleaned list leaves all of its copies out.",
        )
      : "",
    counts.unreadable > 0
      ? item("bad", "severe", `Replace ${count(counts.unreadable, "file")}.`, "Training leaves out what cannot be decoded.")
      : "",
    counts.suspectLabels > 0
      ? item(
          "warn",
          "review",
          `Review ${count(counts.suspectLabels, "label")}.`,
          "A classifier trained without these images finds another class more probable.",
        )
      : "",
    counts.copies > 0
      ? item(
          "warn",
          "review",
          `Remove ${count(counts.copies, "copy", "copies")}.`,
          "Copies count twice in training. The cleaned list keeps one of each.",
        )
      : "",
    counts.imbalance > 0
      ? item("warn", "review", "Classes are unequal:", ratio)
      : item("good", "fine", "", `Classes are balanced: ${ratio}`),
    labels === null ? item("good", "note", "", "Labels were not checked: that needs a model for features.") : "",
    ...notes.map((text) => item("warn", "note", "", escapeMarkup(`${text}.`))),
  ];
  return section("What to do", `<ul class="todo">${items.join("")}</ul>`);
}

/** Two images side by side, and why. */
interface Pair {
  readonly left: CheckedImage;
  readonly right: CheckedImage;
  readonly reason: string;
}

function pairsOf(groups: readonly DuplicateImages[], choose: (group: DuplicateImages) => readonly Pair[]): readonly Pair[] {
  return groups.flatMap(choose);
}

/** Each validation image beside one of training, of those that it is linked to if there is one. */
function leakPair(group: DuplicateImages): readonly Pair[] {
  const train = group.images.filter(({ split }) => split === "train");
  return group.images.flatMap((right) => {
    if (right.split === "train") return [];
    const linked = train.find((left) => linkOf(group, left, right) !== undefined) ?? train[0];
    return linked === undefined ? [] : [pair(group, linked, right)];
  });
}

function crossPair(group: DuplicateImages): readonly Pair[] {
  const [left] = group.images;
  const right = group.images.find(({ className }) => className !== left?.className);
  return left === undefined || right === undefined ? [] : [pair(group, left, right)];
}

function firstPair(group: DuplicateImages): readonly Pair[] {
  const [left, ...others] = group.images;
  return left === undefined ? [] : others.map((right) => pair(group, left, right));
}

function pair(group: DuplicateImages, left: CheckedImage, right: CheckedImage): Pair {
  const link = linkOf(group, left, right);
  return { left, right, reason: link === undefined ? "Through another copy" : reasonOf(link) };
}

function linkOf({ links }: DuplicateImages, one: CheckedImage, other: CheckedImage): DuplicateLink | undefined {
  return links.find(({ a, b }) => (a.index === one.index && b.index === other.index) || (a.index === other.index && b.index === one.index));
}

function reasonOf({ kind, mirrored, cropped }: DuplicateLink): string {
  if (kind === "bytes") return "Byte for byte";
  if (kind === "pixels") return "Identical pixels";
  const words = [...(mirrored ? ["mirrored"] : []), ...(cropped ? ["cropped"] : [])];
  const text = words.length === 0 ? "recompressed, resized or retouched" : words.join(" and ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

async function pairSection(title: string, remark: string, pairs: readonly Pair[], options: CheckPageOptions): Promise<string> {
  if (pairs.length === 0) return "";
  const figures: string[] = [];
  for (const { left, right, reason } of pairs.slice(0, MAX_PAIRS)) {
    const pictures = [await pictureOf(left, options), await pictureOf(right, options)];
    const names = [left, right].map(({ name }) => `<span title="${escapeMarkup(name)}">${escapeMarkup(name)}</span>`);
    figures.push(
      `<figure class="twin">${pictures.join("")}<figcaption><b>${escapeMarkup(reason)}</b>${names.join("")}</figcaption></figure>`,
    );
  }
  const more = pairs.length > MAX_PAIRS ? note(`${formatCount(pairs.length - MAX_PAIRS)} more are in the JSON output only.`) : "";
  return section(title, `<div class="twins">${figures.join("\n")}</div>${more}`, `${remark}; ${count(pairs.length, "pair")}`);
}

async function pictureOf(image: CheckedImage, options: CheckPageOptions): Promise<string> {
  const uri = safePicture(await options.picture(image));
  const name = escapeMarkup(image.name);
  return uri === null ? '<div class="none">no preview</div>' : `<img src="${uri}" alt="${name}">`;
}

async function suspectSection(suspects: readonly SuspectLabel[], options: CheckPageOptions): Promise<string> {
  const title = "Possibly mislabeled";
  if (suspects.length === 0) return section(title, '<p class="empty">No label contradicts what cross-validation predicts.</p>');
  const figures: string[] = [];
  for (const suspect of suspects.slice(0, MAX_SUSPECTS)) {
    const name = escapeMarkup(suspect.name);
    const said = `<span class="said">${escapeMarkup(suspect.suggested)}</span> ${formatPercent(suspect.probability)}`;
    const caption = `labeled ${escapeMarkup(suspect.className)}<br>${said}<small title="${name}">${name}</small>`;
    figures.push(`<figure>${await pictureOf(suspect, options)}<figcaption>${caption}</figcaption></figure>`);
  }
  const more = suspects.length > MAX_SUSPECTS ? `The first ${MAX_SUSPECTS} of ${formatCount(suspects.length)}. ` : "";
  const remark = "by cross-validation, most suspect first";
  return section(
    title,
    `<div class="mistakes">${figures.join("\n")}</div>${note(`${more}Not every suspicion is an error. Decide by eye.`)}`,
    remark,
  );
}

/** More classes than fit on a screen are a table of the smallest. */
const CLASSES_SHOWN = 30;

function classSection({ classes }: ImageCheck): string {
  const most = Math.max(1, ...classes.map(({ train, val }) => train + val));
  const shown = classes.length <= CLASSES_SHOWN ? classes : classes.toSorted((a, b) => a.train - b.train).slice(0, CLASSES_SHOWN);
  const rows = shown.map(({ name, train, val }) => {
    const width = (value: number): string => ((100 * value) / most).toFixed(2);
    const bar = `<span class="two"><i class="t" style="width:${width(train)}%"></i><i class="v" style="width:${width(val)}%"></i></span>`;
    return `<span title="${escapeMarkup(name)}">${escapeMarkup(name)}</span>${bar}<span class="number">${formatCount(train)} + ${formatCount(val)}</span>`;
  });
  const more = classes.length > shown.length ? note(`The ${CLASSES_SHOWN} smallest of ${formatCount(classes.length)} classes.`) : "";
  const legend =
    '<p class="legend"><span class="train"><span class="key"></span>training</span><span class="valid"><span class="key"></span>validation</span></p>';
  return section("Classes", `${legend}<div class="bars">${rows.join("\n")}</div>${more}`, "images for training + validation");
}

const PLOT = { width: 540, left: 44, right: 526, top: 12, bottom: 150, height: 184 } as const;

function brightnessSection({ brightness, outliers }: ImageCheck): string {
  const largest = Math.max(1, ...brightness);
  const step = Math.max(1, niceStep(largest, 3));
  const top = Math.ceil(largest / step) * step;
  const { width, left, right, bottom, height } = PLOT;
  const y = (value: number): number => bottom - (value / top) * (bottom - PLOT.top);
  const grid = ticks(0, top, step).map(
    (value) =>
      `<path class="grid" d="M${left} ${px(y(value))}H${right}"/><text x="${left - 8}" y="${px(y(value))}" dy=".34em" text-anchor="end">${formatCount(value)}</text>`,
  );
  const slot = (right - left) / brightness.length;
  const bars = brightness.flatMap((value, at) =>
    value === 0
      ? []
      : [
          `<rect class="bar" x="${px(left + at * slot + 1)}" y="${px(y(value))}" width="${px(slot - 2)}" height="${px(bottom - y(value))}"/>`,
        ],
  );
  const labels = [
    [left, "start", "dark"],
    [(left + right) / 2, "middle", "mean brightness of an image"],
    [right, "end", "bright"],
  ].map(([x, anchor, text]) => `<text x="${x}" y="${bottom + 20}" text-anchor="${anchor}">${text}</text>`);
  const svg = `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Brightness of the images">${[...grid, ...bars, ...labels].join("")}</svg>`;
  const odd = outliers.filter(({ measure }) => measure === "brightness").length;
  return section("Brightness", `<figure class="chart">${svg}</figure>`, odd === 0 ? "no outliers" : count(odd, "outlier"));
}

const FORMATS = {
  size: (value: number) => `${formatCount(Math.round(value))} pixels`,
  "aspect ratio": (value: number) => value.toFixed(2),
  brightness: (value: number) => formatPercent(value),
  sharpness: (value: number) => value.toFixed(value < 10 ? 2 : 0),
} as const;

function outlierSection({ outliers }: ImageCheck): string {
  if (outliers.length === 0) return "";
  const rows = outliers
    .slice(0, MAX_ROWS)
    .map(({ name, measure, value, median, score }) => [name, measure, FORMATS[measure](value), FORMATS[measure](median), score.toFixed(1)]);
  const shown = table("Outliers", {
    columns: [
      { head: "File", kind: "name" },
      { head: "Measure" },
      { head: "Value", kind: "number" },
      { head: "Median", kind: "number" },
      { head: "Score", kind: "number" },
    ],
    rows,
  });
  return section("Outliers", `${shown}${beyond(outliers.length)}`, "far from the median of the set");
}

function unreadableSection({ unreadable }: ImageCheck): string {
  if (unreadable.length === 0) return "";
  const rows = unreadable.slice(0, MAX_ROWS).map(({ name, reason }) => [name, reason]);
  const shown = table("Unreadable files", { columns: [{ head: "File", kind: "name" }, { head: "Why" }], rows });
  return section("Unreadable files", `${shown}${beyond(unreadable.length)}`, formatCount(unreadable.length));
}

function beyond(rows: number): string {
  return rows > MAX_ROWS ? note(`${formatCount(rows - MAX_ROWS)} more are in the JSON output only.`) : "";
}

function methodFacts({ labels }: ImageCheck, facts: readonly Fact[]): readonly Fact[] {
  return [
    ["Copies", "SHA-256 of the bytes, and of the decoded pixels"],
    [
      "Near copies",
      "perceptual hash within 11 of 64 bits, also mirrored and of 18 crops; confirmed by a correlation of at least 0.97 after alignment",
    ],
    ["Outliers", "modified z-score above 5"],
    ...(labels === null
      ? []
      : [
          ["Labels", `confident learning; linear classifier on ${formatCount(labels.features)} features of ${labels.model}`] as const,
          ["Cross-validated accuracy", `${formatPercent(labels.accuracy)} of ${formatCount(labels.images)} images`] as const,
        ]),
    ...facts,
  ];
}
