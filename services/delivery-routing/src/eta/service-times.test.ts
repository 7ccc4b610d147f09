import { expect, test } from 'vitest'
import { classesOf, plannedServiceSeconds, type ServiceHistory } from './service-times.ts'

const stop = {
  weightGrams: 5_000,
  parcels: 1,
  transport: {},
  address: { latitude: 33.75, longitude: -84.35 },
}
const [all, weight, place] = classesOf(stop)

function history(stops: number, meanRatio: number, classes = [all, weight, place]) {
  return new Map(classes.map((name): [string, ServiceHistory] => [name, { class: name, stops, meanRatio }]))
}

test('a hub with too little history plans the usual time', () => {
  expect(plannedServiceSeconds(stop, new Map())).toBe(180)
  expect(plannedServiceSeconds(stop, history(29, 2))).toBe(180)
  expect(plannedServiceSeconds(stop, history(29, 2, [weight, place]))).toBe(180)
})

test('with enough history the plan takes what stops took, most of all in the same building', () => {
  const usual = plannedServiceSeconds(stop, history(2_000, 1.5, [all]))
  expect(usual).toBeGreaterThan(180 * 1.45)
  expect(usual).toBeLessThan(180 * 1.5)
  const slowBuilding = new Map([...history(2_000, 1, [all, weight]), ...history(40, 2, [place])])
  expect(plannedServiceSeconds(stop, slowBuilding)).toBeGreaterThan(180 * 1.85)
  // What was learned is in proportion to the parcels and the weight.
  const heavy = { ...stop, parcels: 3, weightGrams: 20_000 }
  expect(plannedServiceSeconds(heavy, history(1_000_000, 1.5))).toBe((360 + 60) * 1.5)
})

test('however odd the history, a stop is planned for half to two and a half times the usual', () => {
  expect(plannedServiceSeconds(stop, history(10_000, 9))).toBe(450)
  expect(plannedServiceSeconds(stop, history(10_000, 0.01))).toBe(90)
})
