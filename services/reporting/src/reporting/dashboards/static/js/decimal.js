/**
 * Exact decimals. The API sends money as strings such as "10005534.10"; a float is good enough
 * for the length of a bar, never for a figure or for an order.
 */

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d*))?$/;

function parts(value) {
  const match = DECIMAL.exec(String(value));
  return match && { negative: match[1] === "-", whole: match[2], fraction: match[3] ?? "" };
}

/** Negative, zero or positive, exact for decimal strings of any length. */
export function compareDecimals(left, right) {
  const a = parts(left);
  const b = parts(right);
  if (!a || !b) {
    return Number(left) - Number(right);
  }
  const digits = Math.max(a.fraction.length, b.fraction.length);
  const scaled = ({ negative, whole, fraction }) => {
    const units = BigInt(whole + fraction.padEnd(digits, "0"));
    return negative ? -units : units;
  };
  const difference = scaled(a) - scaled(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** How many decimals the value uses: 0 for "12.00", 1 for "12.50", 2 for "12.05". */
export function decimalsUsed(value) {
  return (parts(value)?.fraction ?? "").replace(/0+$/, "").length;
}

/** For geometry only. */
export function approximate(value) {
  return value === null || value === undefined || value === "" ? null : Number(value);
}
