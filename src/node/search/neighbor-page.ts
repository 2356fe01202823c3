/** Pages of neighbors and of duplicates, with small pictures of the images. */
import { InceptionError, orError } from "../../errors.js";
import { neighborsPage } from "../../report/neighbors.js";
import type { DuplicateImages, ImageIndex, Neighbor } from "../../tasks/search/open-index.js";
import { formatCount } from "../../text.js";
import { decodeImage } from "../decode-image.js";
import { imageTitle } from "../image-source.js";
import { thumbnail } from "../thumbnail.js";
import { placeOf } from "./index-directory.js";

/** Rows of a page, and images of a row: 1,000 pictures have 8 MB. */
const MAX_ROWS = 50;
const MAX_IMAGES = 20;

/** The page of queries with their nearest images. */
export async function neighborPage(
  index: string,
  opened: ImageIndex,
  found: readonly { readonly file: string; readonly neighbors: readonly Neighbor[] }[],
  open: (file: string) => Promise<string | Uint8Array>,
): Promise<string> {
  const rows = [];
  for (const { file, neighbors } of found.slice(0, MAX_ROWS)) {
    const query = { path: imageTitle(file), label: null, score: null, picture: await picture(() => open(file)) };
    rows.push({ title: imageTitle(file), remark: nearestClass(neighbors), images: [query, ...(await shown(index, opened, neighbors))] });
  }
  return neighborsPage({
    title: `Similar images (${opened.model})`,
    status: `${formatCount(found.length)} ${found.length === 1 ? "query" : "queries"}`,
    lead: `Nearest images in ${imageTitle(index)}, by ${opened.metric === "cosine" ? "cosine similarity" : "Euclidean distance"}`,
    rows,
    more: Math.max(0, found.length - MAX_ROWS),
    facts: indexFacts(index, opened),
  });
}

/** The page of groups of duplicates. */
export async function duplicatesPage(
  index: string,
  opened: ImageIndex,
  groups: readonly DuplicateImages[],
  threshold: number,
): Promise<string> {
  const rows = [];
  for (const [number, { exact, images }] of groups.slice(0, MAX_ROWS).entries()) {
    const remark = `${formatCount(images.length)} ${exact ? "equal files" : "similar images"}`;
    rows.push({ title: `Group ${number + 1}`, remark, images: await shown(index, opened, images) });
  }
  return neighborsPage({
    title: `Duplicates (${opened.model})`,
    status: `${formatCount(groups.length)} ${groups.length === 1 ? "group" : "groups"}`,
    lead: `Images of ${imageTitle(index)} with the same bytes, or with a cosine similarity of at least ${threshold}`,
    rows,
    more: Math.max(0, groups.length - MAX_ROWS),
    facts: indexFacts(index, opened),
  });
}

function indexFacts(index: string, { model, dimension, images, recall }: ImageIndex) {
  return [
    ["File", imageTitle(index)],
    ["Model", model],
    ["Images", formatCount(images.length)],
    ["Values of a vector", formatCount(dimension)],
    ...(recall === null ? [] : [["Recall@10 of approximate search", recall.toFixed(3)] as const]),
  ] as const;
}

/** How many of the neighbors have the most frequent label. */
function nearestClass(neighbors: readonly Neighbor[]): string {
  const counts = new Map<string, number>();
  for (const { label } of neighbors) if (label !== null) counts.set(label, (counts.get(label) ?? 0) + 1);
  const [best] = [...counts].sort((a, b) => b[1] - a[1]);
  return best === undefined ? "" : `${best[1]} of ${neighbors.length}: ${best[0]}`;
}

async function shown(index: string, { root }: ImageIndex, images: readonly Neighbor[]) {
  const rows = [];
  for (const { path, label, score } of images.slice(0, MAX_IMAGES)) {
    // An index may come from anywhere: a path that leads out of its directory is not followed.
    const inside = root !== null && !path.split("/").includes("..");
    rows.push({ path, label, score, picture: inside ? await picture(async () => placeOf(index, `${root}/${path}`)) : undefined });
  }
  return rows;
}

/** A picture that cannot be made must not fail the page. */
async function picture(open: () => Promise<string | Uint8Array>): Promise<string | undefined> {
  const made = await orError(async () => thumbnail(await decodeImage(await open())));
  return made instanceof InceptionError ? undefined : made;
}
