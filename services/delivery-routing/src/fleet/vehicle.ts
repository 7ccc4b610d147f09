import * as z from 'zod'

export const Skills = z.array(z.string().trim().min(1).max(40)).max(20)

export const Capacity = z.strictObject({
  weightGrams: z.int().min(1).max(100_000_000),
  volumeMilliliters: z.int().min(1).max(100_000_000),
})

export const NewVehicle = z.strictObject({
  hubId: z.uuid(),
  name: z.string().trim().min(1).max(120),
  capacity: Capacity,
  skills: Skills.default([]),
})

export const Vehicle = z.object({
  id: z.uuid(),
  hubId: z.uuid(),
  name: z.string(),
  capacity: z.object({ weightGrams: z.int(), volumeMilliliters: z.int() }),
  skills: z.array(z.string()),
})

export type Vehicle = z.infer<typeof Vehicle>
