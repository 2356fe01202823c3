/** Functions that a worker performs: each call has a number, which its reply repeats. The same on every platform; a platform brings the worker. */
import { InceptionError } from "../errors.js";
import { untilAborted } from "./abort.js";
import { type CarriedError, carriedError, errorFrom } from "./messages.js";
import type { CancelSignal } from "./session.js";

/** One call: `Tasks` says by name what each function takes. */
interface CallRequest<Tasks, K extends keyof Tasks = keyof Tasks> {
  readonly id: number;
  readonly kind: K;
  readonly task: Tasks[K];
}

type CallReply<Result> =
  | { readonly id: number; readonly kind: "done"; readonly result: Result }
  | { readonly id: number; readonly kind: "failed"; readonly error: CarriedError };

/** A worker, as its platform provides it. */
export interface CallWorker {
  post(message: unknown, moved: ArrayBuffer[]): void;
  /** Whether something is under way, for which the process must stay alive. */
  hold(busy: boolean): void;
  end(): void;
}

export interface CallListener {
  /** A message of the worker. */
  reply(message: unknown): void;
  /** The worker can do no more. */
  died(cause: string): void;
}

interface CallOptions {
  /** Memory of the task that nothing needs here any more. */
  readonly moved?: ReadonlySet<ArrayBuffer>;
  /** The call rejects at once with its reason; the worker's result is dropped. */
  readonly signal?: CancelSignal;
}

export interface Calls<Tasks, Results extends { readonly [K in keyof Tasks]: unknown }> {
  /** @throws InceptionError as the function; SESSION_FAILED where the worker dies; SESSION_CLOSED after `close` */
  call<K extends keyof Tasks>(kind: K, task: Tasks[K], options?: CallOptions): Promise<Results[K]>;
  /** Calls that are not answered yet. */
  pending(): number;
  /** Ends the worker; what is under way rejects with SESSION_CLOSED. A later call starts another worker. */
  close(): void;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Calls to one worker, which starts with the first of them.
 *
 * @param action - what fails where the worker does, as it follows "Cannot"
 */
export function callsTo<Tasks, Results extends { readonly [K in keyof Tasks]: unknown }>(
  action: string,
  start: (listener: CallListener) => CallWorker,
): Calls<Tasks, Results> {
  const waiting = new Map<number, Waiting>();
  let worker: CallWorker | null = null;
  let nextId = 1;
  const end = (reason: InceptionError): void => {
    worker?.end();
    worker = null;
    for (const { reject } of waiting.values()) reject(reason);
    waiting.clear();
  };
  const reply = (message: unknown): void => {
    // Posted by `serveCalls` alone.
    const answer = message as CallReply<unknown>;
    const call = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (waiting.size === 0) worker?.hold(false);
    if (answer.kind === "done") call?.resolve(answer.result);
    else call?.reject(errorFrom(answer.error));
  };
  const started = (): CallWorker => {
    const added: CallWorker = start({
      reply,
      died: (cause) => {
        // One that was ended before may say so late, when another has taken its place.
        if (worker === added) end(new InceptionError("SESSION_FAILED", `Cannot ${action}: the worker failed: ${cause}`, { cause }));
      },
    });
    return added;
  };
  return {
    call: async <K extends keyof Tasks>(kind: K, task: Tasks[K], { moved = new Set(), signal }: CallOptions = {}) => {
      if (signal?.aborted) throw signal.reason;
      worker ??= started();
      const id = nextId++;
      const answered = new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }));
      worker.hold(true);
      worker.post({ id, kind, task } satisfies CallRequest<Tasks, K>, [...moved]);
      // The server's table pairs each task with its result.
      return (await untilAborted(signal, answered)) as Results[K];
    },
    pending: () => waiting.size,
    close: () => end(new InceptionError("SESSION_CLOSED", `Cannot ${action}: the worker is closed`, {})),
  };
}

/** The functions of a worker by name. */
export type CallTable<Tasks, Results extends { readonly [K in keyof Tasks]: unknown }> = {
  readonly [K in keyof Tasks]: (task: Tasks[K]) => Results[K] | Promise<Results[K]>;
};

/**
 * Answers calls in the worker, one after the other.
 *
 * @param actionOf - what failed, as in `Cannot decode an image`, where a function throws something else than an InceptionError
 * @returns what is to be given each message
 */
export function serveCalls<Tasks, Results extends { readonly [K in keyof Tasks]: unknown }>(
  table: CallTable<Tasks, Results>,
  actionOf: (kind: keyof Tasks) => string,
  post: (reply: unknown, moved: ArrayBuffer[]) => void,
): (message: unknown) => void {
  let last: Promise<void> = Promise.resolve();
  const answer = async <K extends keyof Tasks>({ id, kind, task }: CallRequest<Tasks, K>): Promise<CallReply<Results[K]>> => {
    try {
      return { id, kind: "done", result: await table[kind](task) };
    } catch (thrown) {
      return { id, kind: "failed", error: carriedError(thrown, actionOf(kind), {}) };
    }
  };
  return (message) => {
    last = last.then(async () => {
      // Posted by `callsTo` alone.
      const reply = await answer(message as CallRequest<Tasks>);
      post(reply, [...buffersOf(reply)]);
    });
  };
}

/** Memory of arrays in plain data, each buffer once: what can be moved to another thread with it. */
export function buffersOf(value: unknown, found = new Set<ArrayBuffer>()): ReadonlySet<ArrayBuffer> {
  if (ArrayBuffer.isView(value)) {
    // A view of a part shares its buffer with others, which would lose it.
    if (value.buffer instanceof ArrayBuffer && value.byteLength === value.buffer.byteLength) found.add(value.buffer);
  } else if (typeof value === "object" && value !== null) for (const item of Object.values(value)) buffersOf(item, found);
  return found;
}
