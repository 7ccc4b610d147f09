import * as z from 'zod'

export const Latitude = z.number().min(-90).max(90)
export const Longitude = z.number().min(-180).max(180)
export const Position = z.object({ latitude: Latitude, longitude: Longitude })

/** A moment as a client gives it; any offset is taken. */
export const Moment = z.iso.datetime({ offset: true })
/** A calendar day in the hub's time zone. */
export const LocalDate = z.iso.date()
export const Span = z.object({ start: z.iso.datetime(), end: z.iso.datetime() })
export const IdParams = z.object({ id: z.uuid() })

/** For a POST that says everything by its path: no body, or an empty one. */
export const NoBody = z.strictObject({}).nullish()
