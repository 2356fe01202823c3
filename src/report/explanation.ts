/** What a classifier looks at: the image that it received, maps over it, and its predictions. */
import type { Image } from "../data/index.js";
import { EXPLANATION_METHODS } from "../explain/index.js";
import type { Prediction } from "../predict/predict.js";
import { argMax } from "../tensor/arg-max.js";
import { escapeMarkup } from "../text.js";
import { formatPercent } from "../train/progress.js";
import { enlargedPicture, type HeatMap, overlay } from "./overlay.js";
import { columns, type Fact, type Figure, factSection, page, section } from "./page.js";
import type { PictureEncoder } from "./picture.js";
import { type Cell, score, table } from "./table.js";

/** What a page shows of an explanation. */
interface ShownExplanation {
  /** The class that is explained. */
  readonly targetClass: Prediction;
  /** The most probable classes, best first. */
  readonly top: readonly Prediction[];
  /** The image that the network received: RGB, resized and cropped. */
  readonly modelInput: Image;
  readonly attributions: readonly HeatMap[];
}

/** One explained picture on a page. Texts may be anything: they are escaped. */
export interface ExplainedPicture {
  readonly title: string;
  readonly explanation: ShownExplanation;
}

/** The page of one or several explained images. Nothing on it is loaded from elsewhere. */
export async function explanationPage(model: string, pictures: readonly ExplainedPicture[], encode: PictureEncoder): Promise<string> {
  const [first] = pictures;
  const single = pictures.length === 1 ? first : undefined;
  const sections = [];
  for (const picture of pictures) sections.push(await pictureSection(picture, encode));
  const methods = [...new Set(pictures.flatMap(({ explanation }) => explanation.attributions.map(({ method }) => method)))];
  const names = methods.map((method) => EXPLANATION_METHODS[method].title).join(", ");
  return page({
    title:
      single === undefined ? `Attribution maps (${model})` : `Attribution for "${single.explanation.targetClass.className}" (${model})`,
    status: { text: pictures.length === 1 ? "1 image" : `${pictures.length} images` },
    lead: `${names} of ${model}${single === undefined ? "" : ` for ${single.title}`}`,
    figures: single === undefined ? [] : answerFigures(single.explanation),
    markup: [
      ...sections,
      LEGEND,
      columns(
        factSection(
          "Method",
          methods.map((method): Fact => [EXPLANATION_METHODS[method].title, EXPLANATION_METHODS[method].shows]),
        ),
        factSection("Model", [["Model", model], ...inputFacts(first?.explanation)]),
      ),
    ],
  });
}

const LEGEND = `<p class="note">Each map is scaled to its 99.5th percentile: 0<span class="ramp"></span>1. At 0 the image is not colored.</p>`;

/** The class that is explained, and the most probable of the others. */
function answerFigures({ targetClass: chosen, top }: ShownExplanation): readonly Figure[] {
  const [best] = top;
  const other = top.find(({ index }) => index !== chosen.index);
  const isBest = best?.index === chosen.index;
  return [
    { value: formatPercent(chosen.probability), name: chosen.className, tone: isBest ? "good" : undefined },
    ...(other === undefined
      ? []
      : [{ value: formatPercent(other.probability), name: `${isBest ? "second" : "most probable"}: ${other.className}` }]),
  ];
}

function inputFacts(explanation: ShownExplanation | undefined): readonly Fact[] {
  return explanation === undefined ? [] : [["Input", `${explanation.modelInput.width}×${explanation.modelInput.height} pixels`]];
}

async function pictureSection({ title, explanation }: ExplainedPicture, encode: PictureEncoder): Promise<string> {
  const { modelInput: seen, attributions: maps, targetClass: chosen, top } = explanation;
  const picture = enlargedPicture(seen);
  const figures = [mapFigure("Input", "preprocessed image", await encode(picture), title)];
  for (const map of maps) {
    const { title: name } = EXPLANATION_METHODS[map.method];
    const peak = peakText(map);
    figures.push(mapFigure(name, peak, await encode(overlay(picture, map)), `${name} of ${chosen.className}, ${peak}`));
  }
  const answers = table("Most probable classes", {
    columns: [
      { head: "Most probable classes", kind: "name" },
      { head: "Probability", kind: "score" },
    ],
    rows: top.map((prediction) => [labelCell(prediction, chosen), score(prediction.probability)]),
  });
  const remark = `${chosen.className}, ${formatPercent(chosen.probability)}`;
  return section(title, `<div class="maps">${figures.join("\n")}</div><div class="answers">${answers}</div>`, remark);
}

function labelCell({ index, className }: Prediction, chosen: Prediction): Cell {
  const tag = index === chosen.index ? ' <span class="tag">target class</span>' : "";
  return { markup: `${escapeMarkup(className)}${tag}` };
}

function mapFigure(name: string, text: string, uri: string, alt: string): string {
  const img = `<img src="${uri}" alt="${escapeMarkup(alt)}">`;
  return `<figure>${img}<figcaption>${escapeMarkup(name)}<small>${escapeMarkup(text)}</small></figcaption></figure>`;
}

/** Where a map is largest, in words. */
function peakText({ values, width, height }: HeatMap): string {
  const best = argMax(values);
  const largest = values[best] ?? 0;
  if (values.every((value) => value === largest)) return "constant";
  const third = (at: number, size: number): number => Math.min(2, Math.floor((3 * at) / size));
  const down = ["top", "", "bottom"][third(Math.floor(best / width), height)];
  const across = ["left", "", "right"][third(best % width, width)];
  const place = [down, across].filter((word) => word !== "").join(" ");
  return place === "" ? "maximum in the center" : `maximum at the ${place}`;
}
