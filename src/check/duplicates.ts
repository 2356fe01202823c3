/** From images to groups that show the same: equal bytes, equal pixels, near pairs. */
import { disjointSets, joinSets, rootOf } from "../data/disjoint-sets.js";
import type { Fingerprint } from "./fingerprint.js";
import type { Part } from "./luma-grid.js";
import { findNearPairs } from "./near-pairs.js";

/** What is compared of an image. */
export interface ComparedImage {
  /** Hash of the bytes of the file; null where there is none. */
  readonly bytes: string | null;
  /** Hash of the size and the pixels; null where they were not decoded. */
  readonly pixels: string | null;
  /** Null where near duplicates are not searched. */
  readonly print: Fingerprint | null;
  readonly label: number;
  readonly part: "train" | "val";
}

/** Why two images belong together. */
type Relation =
  | { readonly kind: "bytes" | "pixels" }
  | { readonly kind: "near"; readonly mirrored: boolean; readonly part: Part; readonly correlation: number };

export interface Link {
  readonly a: number;
  readonly b: number;
  readonly relation: Relation;
}

/** Images that show the same. */
export interface DuplicateGroup {
  /** Ascending; at least two. */
  readonly images: readonly number[];
  readonly links: readonly Link[];
  /** Images in training and in validation. */
  readonly leak: boolean;
  /** Images with different labels. */
  readonly acrossClasses: boolean;
}

interface Duplicates {
  readonly groups: readonly DuplicateGroup[];
  /** Images for which not all candidates were looked at. */
  readonly incomplete: number;
}

/**
 * Groups of duplicates, by their first image.
 *
 * @param onImage - see `findNearPairs`
 */
export async function findDuplicates(images: readonly ComparedImage[], onImage?: (done: number) => Promise<void>): Promise<Duplicates> {
  const sets = disjointSets(images.length);
  const links: Link[] = [];
  const isKnown = (a: number, b: number): boolean => rootOf(sets, a) === rootOf(sets, b);
  const link = (a: number, b: number, relation: Relation): void => {
    links.push({ a, b, relation });
    joinSets(sets, a, b);
  };
  for (const kind of ["bytes", "pixels"] as const) {
    const first = new Map<string, number>();
    for (const [index, image] of images.entries()) {
      const hash = image[kind];
      const earlier = hash === null ? undefined : first.get(hash);
      if (hash !== null && earlier === undefined) first.set(hash, index);
      if (earlier !== undefined && !isKnown(earlier, index)) link(earlier, index, { kind });
    }
  }
  // One image stands for those with the same pixels: a thousand copies of one would otherwise be a million pairs.
  const prints = images.map(({ print }, index) => (rootOf(sets, index) === index ? print : null));
  const { incomplete } = await findNearPairs(prints, isKnown, ({ a, b, ...found }) => link(a, b, { kind: "near", ...found }), onImage);
  return { groups: groupsOf(images, sets, links), incomplete };
}

function groupsOf(images: readonly ComparedImage[], sets: Int32Array, links: readonly Link[]): readonly DuplicateGroup[] {
  const linksOf = new Map<number, Link[]>();
  for (const link of links) {
    const root = rootOf(sets, link.a);
    const known = linksOf.get(root);
    if (known === undefined) linksOf.set(root, [link]);
    else known.push(link);
  }
  return [...linksOf]
    .toSorted(([a], [b]) => a - b)
    .map(([, own]) => {
      const members = [...new Set(own.flatMap(({ a, b }) => [a, b]))].sort((a, b) => a - b);
      const differ = (of: (image: ComparedImage | undefined) => unknown): boolean => new Set(members.map((at) => of(images[at]))).size > 1;
      return { images: members, links: own, leak: differ((image) => image?.part), acrossClasses: differ((image) => image?.label) };
    });
}
