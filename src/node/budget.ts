/** An amount that work in flight may use together, such as bytes of memory. */
export interface Budget {
  /**
   * Runs `work` once `amount` is free, in the order of the calls. Work that needs more than the whole budget runs alone.
   *
   * @returns what `work` returns; its amount is free again when it ends, also by throwing
   */
  spend<T>(amount: number, work: () => Promise<T>): Promise<T>;
}

/** @param limit - maximum sum of the amounts in use at once */
export function createBudget(limit: number): Budget {
  let used = 0;
  let running = 0;
  const waiting: { readonly amount: number; readonly begin: () => void }[] = [];
  const admit = (): void => {
    // Only the first in line is considered, so that a large amount is not overtaken by small ones for ever.
    for (let next = waiting[0]; next !== undefined && (running === 0 || used + next.amount <= limit); next = waiting[0]) {
      waiting.shift();
      used += next.amount;
      running++;
      next.begin();
    }
  };
  return {
    spend: async (amount, work) => {
      await new Promise<void>((begin) => {
        waiting.push({ amount, begin });
        admit();
      });
      try {
        return await work();
      } finally {
        used -= amount;
        running--;
        admit();
      }
    },
  };
}
