import { BlockList, isIP } from "node:net";

/** What is not reachable from the internet, or leads back into this machine or its network; IANA's registries of special addresses. */
const SPECIAL_V4 = ranges("ipv4", [
  "0.0.0.0/8", // this network
  "10.0.0.0/8", // private
  "100.64.0.0/10", // carrier-grade NAT
  "127.0.0.0/8", // loopback
  "169.254.0.0/16", // link-local, where clouds keep credentials of their machines
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocol assignments
  "192.0.2.0/24", // documentation
  "192.88.99.0/24", // former 6to4 relays
  "192.168.0.0/16", // private
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, and broadcast
]);

/** Outside of it are loopback, link-local, unique-local, multicast and everything that is not assigned. */
const GLOBAL_V6 = ranges("ipv6", ["2000::/3"]);
const SPECIAL_V6 = ranges("ipv6", [
  "2001::/23", // protocol assignments, Teredo tunnels among them
  "2001:db8::/32", // documentation
  "2002::/16", // 6to4 tunnels, which lead to any IPv4 address
  "3fff::/20", // documentation
]);
/** IPv6 notation of an IPv4 address in the last 32 bits: mapped, and translated by NAT64. */
const EMBEDDED_V4 = ranges("ipv6", ["::ffff:0:0/96", "64:ff9b::/96"]);

function ranges(family: "ipv4" | "ipv6", subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = "", prefix] = subnet.split("/");
    list.addSubnet(network, Number(prefix), family);
  }
  return list;
}

/**
 * Whether an address belongs to the public internet: not to this machine, a private or local network, a tunnel or a
 * multicast group. Text that is not an IP address does not.
 */
export function isPublicAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, "");
  switch (isIP(bare)) {
    case 4:
      return !SPECIAL_V4.check(bare, "ipv4");
    case 6:
      if (EMBEDDED_V4.check(bare, "ipv6")) return isPublicAddress(lastFourBytes(bare));
      return GLOBAL_V6.check(bare, "ipv6") && !SPECIAL_V6.check(bare, "ipv6");
    default:
      return false;
  }
}

/** 64:ff9b::a00:1 → 10.0.0.1 */
function lastFourBytes(address: string): string {
  // The parser of URLs writes every IPv6 address in groups of hexadecimal digits.
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(":");
  const [high = 0, low = 0] = groups.slice(-2).map((group) => Number.parseInt(group || "0", 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
