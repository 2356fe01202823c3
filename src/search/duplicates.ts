/** Groups of equal and nearly equal images. */
import { disjointSets, joinSets, rootOf } from "../data/disjoint-sets.js";
import { at } from "../tensor/at.js";
import type { Match } from "./vectors.js";

/** Images that are connected by pairs of duplicates. */
interface DuplicateGroup {
  /** Rows of the index, ascending. */
  readonly rows: readonly number[];
  /** Whether all files have the same bytes. */
  readonly exact: boolean;
  /** The lowest score of a pair that connects the group; null where hashes alone do. */
  readonly weakest: number | null;
}

/**
 * Connects rows with the same hash, and rows whose match is close enough.
 *
 * @param hashes - of the rows' files
 * @param pairs - rows with those that are close to them
 * @returns groups of two or more rows, the largest first
 */
export function duplicateGroups(
  hashes: readonly string[],
  pairs: Iterable<{ readonly row: number; readonly match: Match }>,
): readonly DuplicateGroup[] {
  const sets = disjointSets(hashes.length);
  const first = new Map<string, number>();
  for (const [row, hash] of hashes.entries()) {
    const known = first.get(hash);
    if (known === undefined) first.set(hash, row);
    else joinSets(sets, known, row);
  }
  const links: { readonly row: number; readonly score: number }[] = [];
  for (const { row, match } of pairs) {
    if (row === match.index) continue;
    joinSets(sets, row, match.index);
    if (hashes[row] !== hashes[match.index]) links.push({ row, score: match.score });
  }
  const members = new Map<number, number[]>();
  for (const row of hashes.keys()) {
    const root = rootOf(sets, row);
    const group = members.get(root);
    if (group === undefined) members.set(root, [row]);
    else group.push(row);
  }
  const weakest = new Map<number, number>();
  for (const { row, score } of links) {
    const root = rootOf(sets, row);
    weakest.set(root, Math.min(weakest.get(root) ?? score, score));
  }
  return [...members]
    .filter(([, rows]) => rows.length > 1)
    .map(([root, rows]): DuplicateGroup => {
      const exact = new Set(rows.map((row) => at(hashes, row))).size === 1;
      return { rows, exact, weakest: exact ? null : (weakest.get(root) ?? null) };
    })
    .sort((a, b) => b.rows.length - a.rows.length || at(a.rows, 0) - at(b.rows, 0));
}
