/** Nearest images of queries, and groups of duplicates, as pictures side by side. */
import { escapeMarkup } from "../text.js";
import { type Fact, factSection, note, page, section } from "./page.js";
import { safePicture } from "./picture.js";

/** A picture with its name. Texts may be anything: they are escaped. */
interface ShownImage {
  readonly path: string;
  readonly label: string | null;
  /** Null for a query. */
  readonly score: number | null;
  /** A `data:` URI; undefined where the file cannot be read any more. */
  readonly picture: string | undefined;
}

/** A row of pictures: a query with its neighbors, or a group of duplicates. */
interface ImageRow {
  readonly title: string;
  readonly remark: string;
  readonly images: readonly ShownImage[];
}

interface NeighborsPage {
  readonly title: string;
  readonly status: string;
  readonly lead: string;
  readonly rows: readonly ImageRow[];
  /** Rows that the page leaves out. */
  readonly more: number;
  readonly facts: readonly Fact[];
}

/** The page of neighbors. Nothing on it is loaded from elsewhere. */
export function neighborsPage({ title, status, lead, rows, more, facts }: NeighborsPage): string {
  return page({
    title,
    status: { text: status },
    lead,
    figures: [],
    markup: [
      ...rows.map(({ title: name, remark, images }) =>
        section(name, `<div class="mistakes">${images.map(figure).join("\n")}</div>`, remark),
      ),
      ...(more > 0 ? [note(`${more} more ${more === 1 ? "is" : "are"} in the JSON output only.`)] : []),
      factSection("Index", facts),
    ],
  });
}

function figure({ path, label, score, picture }: ShownImage): string {
  const uri = safePicture(picture);
  const name = escapeMarkup(path);
  const shown = uri === null ? '<div class="none">no preview</div>' : `<img src="${uri}" alt="${name}">`;
  const head = score === null ? "query" : score.toFixed(4);
  const said = label === null ? "" : `<br>${escapeMarkup(label)}`;
  return `<figure>${shown}<figcaption><strong>${head}</strong>${said}<small title="${name}">${name}</small></figcaption></figure>`;
}
