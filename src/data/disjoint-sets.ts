/** Disjoint sets (union-find) over references to earlier members: a set is known by its smallest member, its root. */

/** Sets of one member each. */
export function disjointSets(size: number): Int32Array {
  return Int32Array.from({ length: size }, (_, index) => index);
}

/** Joins the sets of two members. */
export function joinSets(parents: Int32Array, a: number, b: number): void {
  const [first, second] = [rootOf(parents, a), rootOf(parents, b)];
  if (first < second) parents[second] = first;
  else parents[first] = second;
}

/** The smallest member of a set. References become shorter on the way. */
export function rootOf(parents: Int32Array, member: number): number {
  let i = member;
  while (parents[i] !== i) {
    const grandparent = parents[parents[i]!]!;
    parents[i] = grandparent;
    i = grandparent;
  }
  return i;
}
