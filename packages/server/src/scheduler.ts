/**
 * A bounded queue in front of a model: requests are prepared, so many at once and beside the runs, and what is ready runs in
 * batches. Nothing here knows what a request is: time, the work and the rule which ones go together are passed in.
 */
import type { Clock } from "./clock.js";
import { ServiceError } from "./service-error.js";

export interface SchedulerOptions<Source, Item, Result> {
  /** Makes of a request what can run: for an image, decoding and preprocessing. */
  readonly prepare: (source: Source, signal: AbortSignal | undefined) => Promise<Item>;
  /** Runs items of one key. Each has its result, or the error of this item alone; a rejection is the error of all. */
  readonly run: (items: readonly Item[]) => Promise<readonly (Result | Error)[]>;
  /** Items of equal keys can run in one batch; one with null runs by itself, and waits for no others. */
  readonly keyOf: (item: Item) => string | null;
  readonly clock: Clock;
  /** Maximum number of items in a batch. */
  readonly maxBatch: number;
  /** How long an item that is ready waits for others to fill its batch, in milliseconds. With 0 a batch is what waits when a run ends. */
  readonly queueDelay: number;
  /** Maximum number of requests that wait, prepared or not. */
  readonly queueSize: number;
  /** Batches that run at once. */
  readonly concurrency: number;
  /** Requests that are prepared at once. */
  readonly preparations: number;
  readonly onBatch?: (batch: BatchRecord) => void;
}

/** What is known of a batch when it has ended. Times are in seconds. */
export interface BatchRecord {
  readonly size: number;
  /** Of each item, how long its preparation took. */
  readonly prepared: readonly number[];
  /** Of each item, how long it waited, before and after its preparation. */
  readonly waited: readonly number[];
  readonly runSeconds: number;
}

interface SubmitOptions {
  /** Milliseconds from now within which the request must start to run. Default: no limit. */
  readonly deadline?: number;
  /** Of a client that leaves: what waits is removed, the result of what runs is dropped. */
  readonly signal?: AbortSignal;
}

export interface Scheduler<Source, Result> {
  /**
   * @throws ServiceError QUEUE_FULL with the seconds after which to come back, DEADLINE_EXCEEDED, SERVER_CLOSING; what the signal was
   *   aborted with; the error of the request
   */
  submit(source: Source, options?: SubmitOptions): Promise<Result>;
  /** Number of requests that wait, those in preparation included. */
  queued(): number;
  /** Number of requests that run. */
  running(): number;
  /** How long the oldest request has waited, in seconds; 0 where none waits. */
  oldestAge(): number;
  /** Accepts nothing more and resolves when everything accepted has ended. */
  drain(): Promise<void>;
  /** Accepts nothing more and rejects what waits. Resolves when nothing runs or is prepared any more. */
  close(): Promise<void>;
}

interface Waiting<Source, Item, Result> {
  readonly source: Source;
  readonly signal: AbortSignal | undefined;
  readonly arrived: number;
  /** On the scheduler's clock. */
  readonly expires: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
  /** Where its preparation is; times are those of the clock. */
  state: "new" | "in preparation" | Ready<Item>;
}

interface Ready<Item> {
  readonly item: Item;
  readonly key: string | null;
  readonly began: number;
  readonly ended: number;
}

/** An item of a batch with all that is known of it. */
interface Chosen<Source, Item, Result> {
  readonly entry: Waiting<Source, Item, Result>;
  readonly ready: Ready<Item>;
}

/** Fraction of the newest batch in the measured time of an item: a change of load shows after about five batches. */
const NEWEST = 0.2;

/** A client that comes back later than this has given up. */
const MAX_RETRY_SECONDS = 60;

/** Batches that are ready before preparation pauses: more would only hold tensors. */
const READY_BATCHES = 2;

export function createScheduler<Source, Item, Result>(options: SchedulerOptions<Source, Item, Result>): Scheduler<Source, Result> {
  const { clock, maxBatch, queueDelay, queueSize, concurrency } = options;
  const queue: Waiting<Source, Item, Result>[] = [];
  const idle: (() => void)[] = [];
  let [batches, items, preparing] = [0, 0, 0];
  let closing = false;
  /** Time that an item of a batch takes, averaged; null before the first batch has ended. */
  let itemSeconds: number | null = null;
  let cancelTimer = (): void => {};

  /** @returns whether it still waited */
  const remove = (entry: Waiting<Source, Item, Result>): boolean => {
    const at = queue.indexOf(entry);
    if (at >= 0) queue.splice(at, 1);
    return at >= 0;
  };

  const retryAfter = (): number => {
    const seconds = itemSeconds === null ? 1 : (queue.length * itemSeconds) / concurrency;
    return Math.min(MAX_RETRY_SECONDS, Math.max(1, Math.ceil(seconds)));
  };

  const dropExpired = (): void => {
    const now = clock.now();
    for (const entry of queue.filter(({ expires }) => expires <= now)) {
      remove(entry);
      entry.reject(new ServiceError("DEADLINE_EXCEEDED", "Cannot run the request: its deadline passed while it waited"));
    }
  };

  const prepare = async (entry: Waiting<Source, Item, Result>): Promise<void> => {
    const began = clock.now();
    entry.state = "in preparation";
    preparing++;
    try {
      const item = await options.prepare(entry.source, entry.signal);
      entry.state = { item, key: options.keyOf(item), began, ended: clock.now() };
    } catch (thrown) {
      remove(entry);
      entry.reject(thrown);
    }
    preparing--;
    pump();
  };

  const isReady = ({ state }: Waiting<Source, Item, Result>): boolean => typeof state === "object";

  const startPreparations = (): void => {
    const room = READY_BATCHES * maxBatch * concurrency - queue.filter(isReady).length - preparing;
    const free = Math.min(options.preparations - preparing, room);
    for (const entry of queue.filter(({ state }) => state === "new").slice(0, Math.max(0, free))) void prepare(entry);
  };

  const run = async (batch: readonly Chosen<Source, Item, Result>[]): Promise<void> => {
    const began = clock.now();
    batches++;
    items += batch.length;
    const outcome = await options.run(batch.map(({ ready }) => ready.item)).then(
      (results) => ({ results }),
      (thrown: unknown) => ({ thrown }),
    );
    batches--;
    items -= batch.length;
    const runSeconds = (clock.now() - began) / 1000;
    const each = runSeconds / batch.length;
    itemSeconds = itemSeconds === null ? each : itemSeconds + NEWEST * (each - itemSeconds);
    settle(batch, outcome);
    options.onBatch?.({
      size: batch.length,
      prepared: batch.map(({ ready }) => (ready.ended - ready.began) / 1000),
      waited: batch.map(({ entry, ready }) => (ready.began - entry.arrived + began - ready.ended) / 1000),
      runSeconds,
    });
    pump();
  };

  const pump = (): void => {
    cancelTimer();
    dropExpired();
    while (batches < concurrency) {
      const batch = nextBatch(queue, { maxBatch, readySince: closing ? Number.POSITIVE_INFINITY : clock.now() - queueDelay });
      if (batch === null) break;
      for (const { entry } of batch) remove(entry);
      void run(batch);
    }
    startPreparations();
    wake();
    if (isIdle()) for (const call of idle.splice(0)) call();
  };

  /** Comes back for the nearest deadline, and for the end of a delay if a batch could run then. */
  const wake = (): void => {
    const times = queue.map(({ expires }) => expires);
    if (batches < concurrency) times.push(...readyTimes(queue).map((ended) => ended + queueDelay));
    const next = times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
    if (Number.isFinite(next)) cancelTimer = clock.after(Math.max(0, next - clock.now()), pump);
  };

  const submit: Scheduler<Source, Result>["submit"] = async (source, { deadline, signal } = {}) => {
    if (closing) throw closingError();
    signal?.throwIfAborted();
    dropExpired();
    if (queue.length >= queueSize) {
      const message = `Cannot run the request: ${queue.length} requests wait, the limit is ${queueSize}`;
      throw new ServiceError("QUEUE_FULL", message, retryAfter());
    }
    const arrived = clock.now();
    const { promise, resolve, reject } = deferred<Result>();
    const expires = deadline === undefined ? Number.POSITIVE_INFINITY : arrived + deadline;
    const entry: Waiting<Source, Item, Result> = { source, signal, arrived, expires, resolve, reject, state: "new" };
    const leave = (): void => {
      if (remove(entry)) pump();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", leave, { once: true });
    queue.push(entry);
    pump();
    return promise.finally(() => signal?.removeEventListener("abort", leave));
  };

  const isIdle = (): boolean => queue.length === 0 && batches === 0 && preparing === 0;
  const whenIdle = (): Promise<void> => (isIdle() ? Promise.resolve() : new Promise((call) => idle.push(call)));

  return {
    submit,
    queued: () => queue.length,
    running: () => items,
    oldestAge: () => (queue[0] === undefined ? 0 : (clock.now() - queue[0].arrived) / 1000),
    drain: () => {
      closing = true;
      pump();
      return whenIdle();
    },
    close: () => {
      closing = true;
      cancelTimer();
      for (const entry of queue.splice(0)) entry.reject(closingError());
      return whenIdle();
    },
  };
}

function closingError(): ServiceError {
  return new ServiceError("SERVER_CLOSING", "Cannot run the request: the server is shutting down");
}

/**
 * The batch whose oldest item came first, of those that are full or have an item that was ready before a time; null where there is
 * none.
 */
function nextBatch<Source, Item, Result>(
  queue: readonly Waiting<Source, Item, Result>[],
  { maxBatch, readySince }: { readonly maxBatch: number; readonly readySince: number },
): readonly Chosen<Source, Item, Result>[] | null {
  // What runs by itself is its own key.
  const byKey = new Map<unknown, Chosen<Source, Item, Result>[]>();
  for (const entry of queue) {
    const ready = entry.state;
    if (typeof ready === "string") continue;
    const batch = byKey.get(ready.key ?? ready);
    if (batch === undefined) byKey.set(ready.key ?? ready, [{ entry, ready }]);
    else if (batch.length < maxBatch) batch.push({ entry, ready });
  }
  const runs = (batch: readonly Chosen<Source, Item, Result>[]): boolean =>
    batch.length === maxBatch || batch.some(({ ready }) => ready.key === null || ready.ended <= readySince);
  return [...byKey.values()].find(runs) ?? null;
}

function readyTimes(queue: readonly Waiting<unknown, unknown, never>[]): readonly number[] {
  return queue.flatMap(({ state }) => (typeof state === "string" ? [] : [state.ended]));
}

/** Gives each item its own outcome. */
function settle<Source, Item, Result>(
  batch: readonly Chosen<Source, Item, Result>[],
  outcome: { readonly results: readonly (Result | Error)[] } | { readonly thrown: unknown },
): void {
  for (const [index, { entry }] of batch.entries()) {
    if ("thrown" in outcome) {
      entry.reject(outcome.thrown);
      continue;
    }
    const result = outcome.results[index];
    if (result === undefined || result instanceof Error) entry.reject(result ?? new RangeError(`The run has no result for item ${index}`));
    else entry.resolve(result);
  }
}

function deferred<T>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((onValue, onReason) => {
    [resolve, reject] = [onValue, onReason];
  });
  return { promise, resolve, reject };
}
