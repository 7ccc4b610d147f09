import { describe, expect, test } from 'vitest'
import { categories } from './catalog.ts'
import { readCatalog } from './seed.ts'

const catalog = await readCatalog()
const named = (botanicalName: string) => catalog.find((species) => species.botanicalName === botanicalName)

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
    for (const species of catalog) {
      expect(species.priceCents, species.sku).toBeGreaterThanOrEqual(400)
      expect(species.priceCents, species.sku).toBeLessThanOrEqual(20_000)
      expect(species.weightGrams, species.sku).toBeGreaterThanOrEqual(20)
      expect(species.weightGrams, species.sku).toBeLessThanOrEqual(20_000)
      // A plant in its pot is lighter than water and heavier than feathers.
      const gramsPerLiter = species.weightGrams / (species.volumeMilliliters / 1000)
      expect(gramsPerLiter, species.sku).toBeGreaterThan(20)
      expect(gramsPerLiter, species.sku).toBeLessThan(1_000)
      expect(species.adultHeightCentimeters, species.sku).toBeLessThanOrEqual(2_500)
      expect(species.initialQuantity, species.sku).toBeGreaterThan(0)
    }
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
