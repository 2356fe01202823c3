/**
 * Bytes that no other thread shares: `Uint8Array<ArrayBuffer>`, written in a way that TypeScript before 5.7 reads too,
 * where `Uint8Array` takes no parameter.
 */
export type OwnBytes = ReturnType<Uint8Array["slice"]>;
