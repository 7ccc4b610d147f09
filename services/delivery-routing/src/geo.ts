export type Point = { latitude: number; longitude: number }

const EARTH_RADIUS_METERS = 6_371_009
const RADIANS = Math.PI / 180

/** The great-circle distance (haversine formula). */
export function distanceMeters(from: Point, to: Point): number {
  const latitudes = Math.sin(((to.latitude - from.latitude) * RADIANS) / 2)
  const longitudes = Math.sin(((to.longitude - from.longitude) * RADIANS) / 2)
  const chord =
    latitudes ** 2 + Math.cos(from.latitude * RADIANS) * Math.cos(to.latitude * RADIANS) * longitudes ** 2
  return 2 * EARTH_RADIUS_METERS * Math.asin(Math.min(1, Math.sqrt(chord)))
}
