/** Google's encoded polyline with five digits, from `[longitude, latitude]` pairs. */
export function encodePolyline(points: readonly (readonly [number, number])[]): string {
  let text = ''
  let before = [0, 0]
  for (const [longitude, latitude] of points) {
    const now = [Math.round(latitude * 1e5), Math.round(longitude * 1e5)]
    text += encodeNumber(now[0]! - before[0]!) + encodeNumber(now[1]! - before[1]!)
    before = now
  }
  return text
}

function encodeNumber(value: number): string {
  let rest = value < 0 ? ~(value << 1) : value << 1
  let text = ''
  while (rest >= 0x20) {
    text += String.fromCharCode((0x20 | (rest & 0x1f)) + 63)
    rest >>= 5
  }
  return text + String.fromCharCode(rest + 63)
}
