/**
 * Positions of the largest scores, best first; equal scores in the order of their positions. A heap of `count` entries, so that a
 * long array costs little more than one comparison for each score.
 *
 * @param scores - finite
 * @param count - at least 1; all positions where there are fewer scores
 */
export function largestPositions(scores: ArrayLike<number>, count: number): readonly number[] {
  const heap: number[] = [];
  // The worst kept position is at the root. NaN would break the order, which is why callers check vectors.
  const worse = (a: number, b: number): boolean => {
    const [x, y] = [scores[a] ?? 0, scores[b] ?? 0];
    return x < y || (x === y && a > b);
  };
  let bound = Number.NEGATIVE_INFINITY;
  for (let position = 0; position < scores.length; position++) {
    if (heap.length < count) {
      siftUp(heap, position, worse);
      if (heap.length === count) bound = scores[heap[0] ?? 0] ?? 0;
    } else if ((scores[position] ?? 0) > bound) {
      siftDown(heap, position, worse);
      bound = scores[heap[0] ?? 0] ?? 0;
    }
  }
  return heap.sort((a, b) => (worse(a, b) ? 1 : -1));
}

type Worse = (a: number, b: number) => boolean;

function siftUp(heap: number[], position: number, worse: Worse): void {
  let at = heap.length;
  heap.push(position);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] ?? 0;
    if (!worse(position, above)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = position;
}

/** Replaces the root. */
function siftDown(heap: number[], position: number, worse: Worse): void {
  let at = 0;
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    if (child + 1 < heap.length && worse(heap[child + 1] ?? 0, heap[child] ?? 0)) child++;
    const below = heap[child] ?? 0;
    if (!worse(below, position)) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = position;
}
