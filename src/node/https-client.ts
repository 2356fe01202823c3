/** GET requests over HTTPS to public servers only: the address that is connected to decides, not the name that is asked for. */
import { lookup as systemLookup } from "node:dns";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { isPublicAddress } from "./public-address.js";
import { CONNECT_SECONDS } from "./source-options.js";

/** A GET request whose redirects the caller follows; the platform's `fetch` is one. */
type FetchHttps = (
  url: string,
  init: { readonly redirect: "manual"; readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
) => Promise<Response>;

export interface HttpsClientOptions {
  /** Connect to this machine and to private networks too. Default: false. */
  readonly allowPrivateAddresses?: boolean;
  /** Seconds until the server has answered with its headers. Default: 30. */
  readonly connectSeconds?: number;
  /** Certificates that are trusted in place of the system's, as PEM. */
  readonly ca?: string;
  /** Finds the addresses of a name. Default: the system's resolver, whose answers are checked before a connection is made. */
  readonly lookup?: LookupFunction;
}

/** The server is at an address that must not be asked. */
export class PrivateAddress extends Error {
  constructor(host: string, address: string) {
    super(
      `${host === address ? host : `${host} is ${address}, which`} is not a public address; requests to private and local servers are not allowed`,
    );
  }
}

/**
 * The client that `https:` sources use. A server at a loopback, link-local, private, multicast or otherwise special address
 * is refused, whether its address is written in the URL, comes from a name, or changes between two look-ups: each connection
 * is checked once more when it stands, before anything is sent.
 *
 * @returns a function that rejects with PrivateAddress, or with an Error for a server that cannot be reached
 */
export function httpsClient(options: HttpsClientOptions = {}): FetchHttps {
  const { allowPrivateAddresses = false, connectSeconds = CONNECT_SECONDS, ca } = options;
  const lookup = options.lookup ?? (allowPrivateAddresses ? systemLookup : publicLookup);
  return (url, { headers, signal }) =>
    new Promise((resolve, reject) => {
      const { hostname } = new URL(url);
      const host = hostname.replace(/^\[|\]$/g, "");
      // The resolver is not asked about an address.
      if (!allowPrivateAddresses && isIP(host) !== 0 && !isPublicAddress(host)) throw new PrivateAddress(host, host);
      // Without an agent of its own a request may get an old connection, which was not checked.
      const sent = request(url, { headers, signal, agent: false, lookup, ...(ca === undefined ? {} : { ca }) });
      const timer = setTimeout(() => sent.destroy(new Error(`it did not answer within ${connectSeconds} s`)), connectSeconds * 1000);
      sent.on("socket", (socket) =>
        socket.on("connect", () => {
          const address = socket.remoteAddress ?? "";
          if (!allowPrivateAddresses && !isPublicAddress(address)) sent.destroy(new PrivateAddress(host, address));
        }),
      );
      sent.on("error", reject);
      sent.on("close", () => clearTimeout(timer));
      sent.on("response", (message) => {
        clearTimeout(timer);
        try {
          resolve(responseOf(message));
        } catch (thrown) {
          message.destroy();
          reject(thrown instanceof Error ? thrown : new Error(String(thrown)));
        }
      });
      sent.end();
    });
}

/** Refuses a name as soon as one of its addresses is not public. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  systemLookup(hostname, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    const special = addresses?.find(({ address }) => !isPublicAddress(address));
    if (error !== null || first === undefined) callback(error ?? new Error(`${hostname} has no address`), []);
    else if (special !== undefined) callback(new PrivateAddress(hostname, special.address), []);
    else if (options.all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

/** Statuses whose responses have no body by definition. */
const WITHOUT_BODY: readonly number[] = [204, 205, 304];

function responseOf(message: IncomingMessage): Response {
  const status = message.statusCode ?? 0;
  const headers = Object.entries(message.headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]],
  );
  if (!WITHOUT_BODY.includes(status)) return new Response(bodyOf(message), { status, headers });
  message.resume();
  return new Response(null, { status, headers });
}

/** The body as the platform's own stream; when its reader goes away, the connection ends. */
function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = message.iterator();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const step: IteratorResult<Uint8Array, unknown> = await chunks.next();
      if (step.done === true) controller.close();
      else controller.enqueue(step.value);
    },
    cancel: () => void message.destroy(),
  });
}
