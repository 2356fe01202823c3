/** The items of an iteration, where the next is being made while one is used. */
export async function* readAhead<T>(items: AsyncIterable<T>): AsyncGenerator<T, void> {
  const iterator = items[Symbol.asyncIterator]();
  const begin = (): Promise<IteratorResult<T>> => {
    const next = iterator.next();
    // Awaited in a later round, or never; until then a failure is not unhandled.
    next.catch(() => {});
    return next;
  };
  let next = begin();
  try {
    for (let result = await next; result.done !== true; result = await next) {
      next = begin();
      yield result.value;
    }
  } finally {
    // Not awaited: it would wait for an item that nobody uses any more.
    iterator.return?.().catch(() => {});
  }
}
