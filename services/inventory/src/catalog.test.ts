import { describe, expect, test } from 'vitest'
import { categories } from './catalog.ts'
import { readCatalog } from './seed.ts'

const catalog = await readCatalog()
const named = (botanicalName: string) => catalog.find((species) => species.botanicalName === botanicalName)

const isWithin = (value: number, low: number, high: number) => value >= low && value <= high

describe('the catalog', () => {
  test('has at least 170 species, each SKU and each botanical name once', () => {
    expect(catalog.length).toBeGreaterThanOrEqual(170)
    expect(new Set(catalog.map(({ sku }) => sku)).size).toBe(catalog.length)
    expect(new Set(catalog.map(({ botanicalName }) => botanicalName)).size).toBe(catalog.length)
  })

  test('has something in every category', () => {
    expect(new Set(catalog.map(({ category }) => category))).toEqual(new Set(categories))
  })

  test('names a genus, then species, hybrid sign or cultivar in single quotes', () => {
    const wrong = catalog.filter(
      ({ botanicalName }) =>
        !/^[A-Z][a-z]+( ×)?( [a-z-]+)?( (var\.|subsp\.) [a-z]+)?( '[A-Z][^"]*')?$/u.test(botanicalName),
    )
    expect(wrong.map(({ botanicalName }) => botanicalName)).toEqual([])
  })

  test('has plausible sizes, weights, prices and stock', () => {
    const implausible = catalog.filter((species) => {
      // A plant in its pot is lighter than water and heavier than feathers.
      const gramsPerLiter = species.weightGrams / (species.volumeMilliliters / 1000)
      const isPlausible =
        isWithin(species.priceCents, 400, 20_000) &&
        isWithin(species.weightGrams, 20, 20_000) &&
        isWithin(gramsPerLiter, 20, 1_000) &&
        isWithin(species.adultHeightCentimeters ?? 0, 3, 2_500) &&
        isWithin(species.initialQuantity, 1, 200)
      return !isPlausible
    })
    expect(implausible.map(({ sku }) => sku)).toEqual([])
  })

  test.each([
    'Lilium longiflorum',
    'Cycas revoluta',
    'Epipremnum aureum',
    'Philodendron hederaceum',
    'Monstera deliciosa',
    "Dieffenbachia seguine 'Camille'",
    'Aloe vera',
    'Crassula ovata',
    'Dracaena trifasciata',
    'Hedera helix',
    'Zamioculcas zamiifolia',
    "Hippeastrum 'Red Lion'",
  ])('says that %s poisons pets', (botanicalName) => {
    expect(named(botanicalName)?.petSafe).toBe(false)
  })

  test.each([
    'Goeppertia makoyana',
    "Nephrolepis exaltata 'Bostoniensis'",
    "Chlorophytum comosum 'Vittatum'",
    'Peperomia obtusifolia',
    'Pilea peperomioides',
    'Haworthiopsis attenuata',
    'Dypsis lutescens',
    'Chamaedorea elegans',
    'Streptocarpus ionanthus',
    'Phalaenopsis amabilis',
    'Aspidistra elatior',
    "Ocimum basilicum 'Genovese'",
  ])('says that %s is safe for pets', (botanicalName) => {
    expect(named(botanicalName)?.petSafe).toBe(true)
  })
})
