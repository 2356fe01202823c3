import type { Image } from "../data/index.js";
import { EXPLANATION_METHODS, type ExplanationName } from "../explain/index.js";
import type { Prediction } from "../predict/predict.js";
import { escapeMarkup } from "../text.js";
import { heatOf, overlay } from "./overlay.js";
import type { PictureEncoder } from "./picture.js";
import { QUALITY_STYLE } from "./quality-style.js";

/** What a page shows of an explanation. */
interface ShownExplanation {
  /** The class that is explained. */
  readonly class: Prediction;
  /** The most probable classes, best first. */
  readonly top: readonly Prediction[];
  /** The image that the network received: RGB, resized and cropped. */
  readonly seen: Image;
  /** Maps over `seen`, one value for each pixel. */
  readonly maps: readonly { readonly method: ExplanationName; readonly values: Float32Array }[];
}

/** One explained picture on a page. Texts may be anything: they are escaped. */
export interface ExplainedPicture {
  readonly title: string;
  readonly explanation: ShownExplanation;
}

/** A page that shows what a network saw, what it answered and why: nothing on it is loaded from elsewhere. */
export async function explanationPage(model: string, pictures: readonly ExplainedPicture[], encode: PictureEncoder): Promise<string> {
  const title = pictures.length === 1 ? `Why ${model} sees ${pictures[0]?.explanation.class.label}` : `What ${model} looks at`;
  const sections = [];
  for (const picture of pictures) sections.push(await section(picture, encode));
  const stops = Array.from(
    { length: 6 },
    (_, index) =>
      `rgb(${heatOf(index / 5)
        .map(Math.round)
        .join(" ")})`,
  );
  const scale = `<p class="note">Each map is shown as shares of the value that one in two hundred of its pixels exceeds: <span style="display:inline-block;width:180px;height:10px;border-radius:5px;vertical-align:middle;background:linear-gradient(90deg,${stops.join(",")})"></span> 0 to 1. Where it is 0 the picture stays grey.</p>`;
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escapeMarkup(title)}</title><style>${QUALITY_STYLE}</style></head><body><main><header><h1>${escapeMarkup(title)}</h1></header>${sections.join("\n")}${scale}</main></body></html>\n`;
}

async function section({ title, explanation }: ExplainedPicture, encode: PictureEncoder): Promise<string> {
  const { seen, maps, class: chosen } = explanation;
  const figures = [figure("What the network saw", "resized and cropped as it was trained", await encode(seen))];
  for (const map of maps) {
    const { title: name, shows } = EXPLANATION_METHODS[map.method];
    figures.push(figure(name, shows, await encode(overlay(seen, map))));
  }
  const heading = `<h2>${escapeMarkup(title)} <small>${escapeMarkup(chosen.label)}, ${percent(chosen.probability)}</small></h2>`;
  return `<section>${heading}<div style="display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,210px),1fr));gap:18px">${figures.join("")}</div>${table(explanation)}</section>`;
}

function figure(name: string, text: string, uri: string): string {
  const img = `<img src="${uri}" alt="${escapeMarkup(name)}">`;
  return `<figure><div class="slice">${img}</div><figcaption>${escapeMarkup(name)}<br><small style="margin:0">${escapeMarkup(text)}</small></figcaption></figure>`;
}

function table({ top, class: chosen }: ShownExplanation): string {
  const rows = top.map(({ index, label, probability }) => {
    const mark = index === chosen.index ? " ←" : "";
    return `<tr><th scope="row">${escapeMarkup(label)}${mark}</th><td class="number">${percent(probability)}</td></tr>`;
  });
  return `<div class="scroll" style="margin-top:16px;max-width:448px"><table><thead><tr><th scope="col">most probable classes</th><th scope="col" class="number">probability</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
