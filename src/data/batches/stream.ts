/** Batches that are made ahead of the one being read, by threads or by the thread that asks. */
import { InceptionError } from "../../errors.js";
import type { BatchStream, SkippedSample } from "../batch.js";

/** A batch, and the samples that were skipped while it was made, each at most once. */
export interface Made<B> {
  readonly batch: B;
  readonly skipped: readonly SkippedSample[];
}

export function closedError(name: string): InceptionError {
  return new InceptionError("SESSION_CLOSED", `Cannot read batches of "${name}": the source is closed`, { dataset: name });
}

/** A batch on order. */
export interface Order<B> {
  readonly made: Promise<Made<B>>;
  /** Nobody waits any more; if it is not begun, it will not be. */
  cancel(): void;
}

/** Makes one batch after the other, in whichever thread it is called. */
export interface Maker<B> {
  /** Batch `batch` of epoch `epoch`, both from 0. Calls must not overlap. */
  make(epoch: number, batch: number): Promise<Made<B>>;
  close(): Promise<void>;
}

/** Where batches come from. */
export interface Factory<B> {
  order(epoch: number, batch: number): Order<B>;
  /** Wait for an order. */
  wait(order: Order<B>): Promise<Made<B>>;
  close(): Promise<void>;
}

/** @param open - is given what to ask before each sample: when true, `make` is to reject with SESSION_CLOSED */
export function inThisThread<B>(name: string, open: (stopped: () => boolean) => Maker<B>): Factory<B> {
  let closed = false;
  const maker = open(() => closed);
  let last: Promise<unknown> = Promise.resolve();
  return {
    order: (epoch, batch) => {
      // Two streams may be read at the same time; batches are made one after the other.
      const made = last.then(() => {
        if (closed) throw closedError(name);
        return maker.make(epoch, batch);
      });
      last = made.catch(() => undefined);
      return { made, cancel: () => undefined };
    },
    wait: ({ made }) => made,
    close: async () => {
      closed = true;
      await last;
      await maker.close();
    },
  };
}

interface Course {
  readonly epoch: number;
  /** First batch, and the one behind the last. */
  readonly start: number;
  readonly end: number;
  /** Batches on order while one is read. */
  readonly ahead: number;
}

export function openStream<B extends { readonly count: number }>(
  factory: Factory<B>,
  course: Course,
): AsyncIterable<B> & Pick<BatchStream, "skipped"> {
  const skipped: SkippedSample[] = [];
  const known = new Set<number>();
  const note = (samples: readonly SkippedSample[]) => {
    for (const sample of samples) {
      if (!known.has(sample.index)) skipped.push(sample);
      known.add(sample.index);
    }
  };
  return { skipped, [Symbol.asyncIterator]: () => batchesOf(factory, course, note) };
}

async function* batchesOf<B extends { readonly count: number }>(
  factory: Factory<B>,
  { epoch, start, end, ahead }: Course,
  note: (samples: readonly SkippedSample[]) => void,
): AsyncGenerator<B, void> {
  const orders: Order<B>[] = [];
  let next = start;
  const fill = (count: number) => {
    while (next < end && orders.length < count) orders.push(factory.order(epoch, next++));
  };
  try {
    for (;;) {
      fill(Math.max(1, ahead));
      const order = orders[0];
      if (!order) return;
      const { batch, skipped } = await factory.wait(order);
      orders.shift();
      // Before the batch is handed over, so that the next ones are made while it is used.
      fill(ahead);
      note(skipped);
      if (batch.count > 0) yield batch;
    }
  } finally {
    for (const order of orders) order.cancel();
  }
}
