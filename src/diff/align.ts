/** Which elements of two lists belong together: equal names first, then what is alike in the same order. */
export interface Pair<T> {
  readonly a: T | null;
  readonly b: T | null;
}

interface AlignRules<T> {
  /** Elements with the same key belong together, wherever they are. Keys of one list are unique. */
  readonly keyOf: (item: T, side: "a" | "b") => string;
  /** How alike two elements are; 0 or less never belong together. Symmetric. */
  readonly likeness: (a: T, b: T) => number;
}

/** Comparing everything with everything beyond this many pairs takes seconds; such stretches are matched by name alone. */
const MAX_PAIRS = 1_000_000;

/**
 * Pairs of elements in an order that follows both lists; an element that belongs to none is in a pair alone. Between
 * elements with equal keys the rest is aligned for the greatest sum of likenesses, in order.
 */
export function align<T>(a: readonly T[], b: readonly T[], rules: AlignRules<T>): readonly Pair<T>[] {
  const places = new Map(b.map((item, index) => [rules.keyOf(item, "b"), index]));
  const partners = new Map<number, number>();
  for (const [index, item] of a.entries()) {
    const place = places.get(rules.keyOf(item, "a"));
    if (place !== undefined) partners.set(index, place);
  }
  const taken = new Set(partners.values());
  const frame = longestRising([...partners]);
  let [fromA, fromB] = [0, 0];
  for (const [untilA, untilB] of [...frame, [a.length, b.length] as const]) {
    const restA = range(fromA, untilA).filter((index) => !partners.has(index));
    const restB = range(fromB, untilB).filter((index) => !taken.has(index));
    for (const [i, j] of bestInOrder(restA, restB, (i, j) => rules.likeness(a[i] as T, b[j] as T))) partners.set(i, j);
    [fromA, fromB] = [untilA + 1, untilB + 1];
  }
  return inOrder(a, b, partners);
}

/** All pairs in the order of the first list, with what only the second has before the next pair that both have in order. */
function inOrder<T>(a: readonly T[], b: readonly T[], partners: ReadonlyMap<number, number>): readonly Pair<T>[] {
  const frame = new Map(longestRising([...partners].sort(([first], [second]) => first - second)));
  const taken = new Set(partners.values());
  const pairs: Pair<T>[] = [];
  let next = 0;
  const addAlone = (until: number): void => {
    for (; next < until; next++) if (!taken.has(next)) pairs.push({ a: null, b: b[next] as T });
  };
  for (const [index, item] of a.entries()) {
    const framed = frame.get(index);
    if (framed !== undefined) addAlone(framed);
    const partner = partners.get(index);
    pairs.push({ a: item, b: partner === undefined ? null : (b[partner] as T) });
  }
  addAlone(b.length);
  return pairs;
}

function range(from: number, until: number): readonly number[] {
  return Array.from({ length: Math.max(0, until - from) }, (_, index) => from + index);
}

/** The longest part of a list of pairs with rising first elements in which the second rise too (patience sorting). */
function longestRising(pairs: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  const tails: number[] = [];
  const before: number[] = [];
  for (const [index, pair] of pairs.entries()) {
    let [low, high] = [0, tails.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((pairs[tails[middle] ?? 0]?.[1] ?? 0) < pair[1]) low = middle + 1;
      else high = middle;
    }
    before.push(low > 0 ? (tails[low - 1] ?? -1) : -1);
    tails[low] = index;
  }
  const rising: (readonly [number, number])[] = [];
  for (let index = tails.at(-1) ?? -1; index >= 0; index = before[index] ?? -1) rising.push(pairs[index] as readonly [number, number]);
  return rising.reverse();
}

/** The pairs in order with the greatest sum of likenesses. */
function bestInOrder(
  a: readonly number[],
  b: readonly number[],
  likeness: (i: number, j: number) => number,
): readonly (readonly [number, number])[] {
  if (a.length * b.length === 0 || a.length * b.length > MAX_PAIRS) return [];
  const width = b.length + 1;
  // sums[i, j]: the best of what is left from i and j on.
  const sums = new Float64Array((a.length + 1) * width);
  const scores = new Float64Array(a.length * b.length);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const score = likeness(a[i] as number, b[j] as number);
      scores[i * b.length + j] = score;
      const together = score > 0 ? score + (sums[(i + 1) * width + j + 1] ?? 0) : 0;
      sums[i * width + j] = Math.max(together, sums[(i + 1) * width + j] ?? 0, sums[i * width + j + 1] ?? 0);
    }
  }
  const pairs: (readonly [number, number])[] = [];
  for (let [i, j] = [0, 0]; i < a.length && j < b.length; ) {
    const score = scores[i * b.length + j] ?? 0;
    const best = sums[i * width + j] ?? 0;
    if (score > 0 && best === score + (sums[(i + 1) * width + j + 1] ?? 0)) pairs.push([a[i++] as number, b[j++] as number]);
    else if (best === sums[(i + 1) * width + j]) i++;
    else j++;
  }
  return pairs;
}
